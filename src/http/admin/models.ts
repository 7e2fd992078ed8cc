import type { z } from "zod";
import type { VendorView } from "../../actors/leases/leases.ts";
import type { Candidate, ModelSpec } from "../../core/catalog.ts";
import { SluiceError } from "../../core/errors.ts";
import { type VendorId, vendorId } from "../../core/ids.ts";
import type { Definition } from "../../ledger/managed.ts";
import { priceDocument } from "../../ledger/price-document.ts";
import { type DefinitionPorts, type DefinitionSchemas, requireManageable } from "./definitions.ts";
import { type AdminOperation, type AdminRoute, route } from "./operation.ts";

export interface ModelPorts extends DefinitionPorts {
  readonly health: { view(vendor: VendorId): VendorView };
}

const MODEL_NAME = /^[^\s\p{C}]{1,200}$/u;

const list: AdminOperation = {
  method: "get",
  path: "/models",
  permission: "models:read",
  summary: "Models, where each can be served, at what price, and whether it can be now",
  answers: { 200: "The models." },
};
const remove: AdminOperation = {
  method: "delete",
  path: "/models/{name}",
  permission: "models:write",
  summary: "Remove a managed model",
  answers: { 200: "It is gone.", 404: "There is none.", 409: "The configuration declares it." },
};
const putWith = (body: z.ZodType): AdminOperation => ({
  method: "put",
  path: "/models/{name}",
  permission: "models:write",
  summary: "Create or replace a managed model: the list of its candidates, written as in the configuration",
  body,
  answers: { 200: "It was replaced.", 201: "It was created.", 409: "The configuration declares it." },
});
export const modelOperations = ({ model }: DefinitionSchemas): readonly AdminOperation[] => [
  list,
  putWith(model),
  remove,
];

export function modelRoutes(ports: ModelPorts): readonly AdminRoute[] {
  const { managed } = ports;
  return [
    route(list, () => ({
      object: "list",
      data: [...ports.catalog().models.values()].map((spec) => viewOf(ports, spec)),
    })),
    route(putWith(ports.schemas.model), async ({ param, body }) => {
      const name = param("name");
      if (!MODEL_NAME.test(name)) {
        const message = "Invalid 'name': must be 1 to 200 characters without spaces.";
        throw new SluiceError("invalid_request", message, { param: "name" });
      }
      requireManageable(ports, "models", name);
      const candidates = body as readonly Definition[]; // the schema of a model lets only lists of objects through
      requireKnownVendors(ports, candidates);
      const isNew = await managed.putModel(name, candidates);
      await ports.applyManaged();
      const spec = ports.catalog().models.get(name);
      const view = spec === undefined ? { id: name, object: "model" } : viewOf(ports, spec);
      return Response.json(view, { status: isNew ? 201 : 200 });
    }),
    route(remove, async ({ param }) => {
      const name = param("name");
      requireManageable(ports, "models", name);
      if (!(await managed.deleteModel(name))) {
        throw new SluiceError("not_found", `There is no managed model '${name}'.`);
      }
      await ports.applyManaged();
      return { id: name, object: "model", deleted: true };
    }),
  ];
}

function requireKnownVendors(ports: ModelPorts, candidates: readonly Definition[]): void {
  for (const [index, { vendor }] of candidates.entries()) {
    if (ports.catalog().vendors.has(vendorId(String(vendor)))) continue;
    const param = `[${index}].vendor`;
    throw new SluiceError("invalid_request", `'${param}' names a vendor that is not defined.`, { param });
  }
}

const viewOf = (ports: ModelPorts, { name, candidates }: ModelSpec) => ({
  id: name,
  object: "model",
  managed: !ports.declared().catalog.models.has(name),
  candidates: candidates.map((candidate) => candidateView(ports, candidate)),
});

const candidateView = (
  ports: ModelPorts,
  { vendor, model, quality, price, maxOutputTokens, operations }: Candidate,
) => ({
  vendor,
  model,
  quality,
  price: price === undefined ? null : priceDocument(price),
  max_output: maxOutputTokens ?? null,
  operations: operations ?? null,
  breaker: ports.health.view(vendor).state,
});
