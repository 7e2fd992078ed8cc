import type { z } from "zod";
import type { VendorView } from "../../actors/leases/leases.ts";
import type { VendorSpec } from "../../core/catalog.ts";
import { SluiceError } from "../../core/errors.ts";
import { type VendorId, vendorId } from "../../core/ids.ts";
import type { Definition } from "../../ledger/managed.ts";
import { type DefinitionPorts, type DefinitionSchemas, requireManageable } from "./definitions.ts";
import { type AdminOperation, type AdminRoute, refuseFindings, route } from "./operation.ts";

export interface VendorPorts extends DefinitionPorts {
  readonly health: { view(vendor: VendorId): VendorView };
  /** What the vendor's actor says of its limits, where it is known here. */
  vendorLimitsLeft(vendor: VendorId): Readonly<Record<string, string | number | boolean>> | undefined;
  /** Where a vendor tells of its jobs. */
  hookPath(vendor: VendorId): string;
}

/** Names that become part of a message subject, a metric label and a URL; the configuration has the same rule. */
const VENDOR_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

const list: AdminOperation = {
  method: "get",
  path: "/vendors",
  permission: "vendors:read",
  summary: "Vendors with their live state: breaker, errors, latency, limits",
  answers: { 200: "The vendors, without their keys." },
};
const remove: AdminOperation = {
  method: "delete",
  path: "/vendors/{id}",
  permission: "vendors:write",
  summary: "Remove a managed vendor",
  answers: {
    200: "It is gone.",
    404: "There is none.",
    409: "The configuration declares it, or a model uses it.",
  },
};
const putWith = (body: z.ZodType): AdminOperation => ({
  method: "put",
  path: "/vendors/{id}",
  permission: "vendors:write",
  summary:
    "Create or replace a managed vendor, written as in the configuration; without `keys` it keeps its own",
  body,
  answers: { 200: "It was replaced.", 201: "It was created.", 409: "The configuration declares it." },
});
export const vendorOperations = ({ vendor }: DefinitionSchemas): readonly AdminOperation[] => [
  list,
  putWith(vendor),
  remove,
];

export function vendorRoutes(ports: VendorPorts): readonly AdminRoute[] {
  const { managed } = ports;
  const view = (id: string) => {
    const spec = ports.catalog().vendors.get(vendorId(id));
    return spec === undefined ? { id, object: "vendor" } : viewOf(ports, spec);
  };
  return [
    route(list, () => ({
      object: "list",
      data: [...ports.catalog().vendors.values()].map((spec) => viewOf(ports, spec)),
    })),
    route(putWith(ports.schemas.vendor), async ({ param, body }) => {
      const id = param();
      if (!VENDOR_ID.test(id)) {
        const rule = "must be 1 to 63 letters, digits, '-' or '_', starting with a letter or digit";
        throw new SluiceError("invalid_request", `Invalid 'id': ${rule}.`, { param: "id" });
      }
      requireManageable(ports, "vendors", id);
      const definition = body as Definition; // the schema of a vendor lets only objects through
      const known = (await managed.vendors()).find((vendor) => vendor.id === id);
      const keys = definition.keys ?? known?.definition.keys;
      refuseFindings(ports.vendorFindings(id, keys === undefined ? definition : { ...definition, keys }));
      const isNew = await managed.putVendor(id, definition);
      await ports.applyManaged();
      return Response.json(view(id), { status: isNew ? 201 : 200 });
    }),
    route(remove, async ({ param }) => {
      const id = param();
      requireManageable(ports, "vendors", id);
      const users = modelsServedBy(ports, id);
      if (users.length > 0) {
        throw new SluiceError("conflict", `'${id}' serves the model '${users[0]}': change that first.`);
      }
      if (!(await managed.deleteVendor(id))) {
        throw new SluiceError("not_found", `There is no managed vendor '${id}'.`);
      }
      await ports.applyManaged();
      return { id, object: "vendor", deleted: true };
    }),
  ];
}

const modelsServedBy = (ports: VendorPorts, id: string): readonly string[] =>
  [...ports.catalog().models.values()]
    .filter(({ candidates }) => candidates.some(({ vendor }) => vendor === id))
    .map(({ name }) => name);

/** Never with a key: their names, and which of them are set aside. */
function viewOf(ports: VendorPorts, spec: VendorSpec) {
  const { state, errorRatio, latencyMs, firstTokenMs, cooling } = ports.health.view(spec.id);
  const { qps, burst, concurrency, dailyQuota } = spec.limits;
  return {
    id: spec.id,
    object: "vendor",
    adapter: spec.adapter,
    base_url: spec.baseUrl ?? null,
    region: spec.region,
    managed: !ports.declared().catalog.vendors.has(spec.id),
    keys: spec.keys.map(({ id, weight }) => ({ id, weight, cooling: cooling.has(id) })),
    breaker: state,
    error_ratio: errorRatio,
    latency_ms: latencyMs ?? null,
    first_token_ms: firstTokenMs ?? null,
    limits: {
      qps: qps ?? null,
      burst: burst ?? null,
      concurrency: concurrency ?? null,
      daily_quota: dailyQuota ?? null,
    },
    // For vendors whose account is told once where to send what it signs.
    hook_path: spec.hookSecret === undefined ? null : ports.hookPath(spec.id),
    limits_left: ports.vendorLimitsLeft(spec.id) ?? null,
  };
}
