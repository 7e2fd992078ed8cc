import { z } from "zod";
import { SluiceError } from "../../core/errors.ts";
import { type KeyId, keyId, tenantId } from "../../core/ids.ts";
import { BUDGET_PERIODS } from "../../core/key-limits.ts";
import { formatPoints } from "../../core/points.ts";
import { parseTakeover, TAKEOVER_FORMS } from "../../core/takeover-policy.ts";
import type { KeyRecord, Keys } from "../../ledger/keys.ts";
import type { Tenants } from "../../ledger/tenants.ts";
import {
  addressRange,
  duration,
  durationOf,
  glob,
  moment,
  momentOf,
  name,
  pointsOf,
  positiveAmount,
  scope,
} from "./fields.ts";
import { type AdminOperation, type AdminRoute, route } from "./operation.ts";
import { existing } from "./tenants.ts";

export interface KeyPorts {
  readonly keys: Keys;
  readonly tenants: Pick<Tenants, "get">;
  /** The key was made, revoked or rotated: whoever knows it must ask anew. */
  keyChanged(key: KeyId): void | Promise<void>;
}

/** One request a day, about; and what no node reaches. Beyond either, waits can no longer be told in seconds. */
const SLOWEST = 0.00001;
const MOST = 1_000_000_000;
const limits = z
  .strictObject({
    qps: z.number().min(SLOWEST).max(MOST).optional().describe("Requests a second."),
    burst: z
      .int()
      .min(1)
      .max(MOST)
      .optional()
      .describe("Requests that may come at once; absent: one second's worth."),
    concurrency: z.int().min(1).max(MOST).optional().describe("Requests that may run at the same time."),
  })
  .refine(({ qps, burst }) => burst === undefined || qps !== undefined, {
    path: ["qps"],
    message: "is required with 'burst'",
  });
const budget = z.strictObject({ points: positiveAmount, period: z.enum(BUDGET_PERIODS) });

const newKey = z.strictObject({
  name,
  scopes: z.array(scope).min(1).nullish().describe("What the key may do; absent: everything."),
  models: z.array(glob).min(1).max(1_000).nullish().describe("Models that the key may use; absent: all."),
  vendors: z.array(glob).min(1).max(1_000).nullish().describe("Vendors that may serve it; absent: all."),
  expires_at: moment.nullish(),
  limits: limits.nullish(),
  budget: budget.nullish().describe("What the key may spend in a day, a month (UTC), or at all."),
  ips: z.array(addressRange).min(1).max(1_000).nullish().describe("Where it may be used; absent: anywhere."),
  on_short_balance: z
    .enum(["cap", "refuse"])
    .optional()
    .describe("When the balance covers only a part of the longest answer: shorten it (default), or refuse."),
  takeover: z
    .string()
    .refine((text) => parseTakeover(text) !== undefined, `must be ${TAKEOVER_FORMS}`)
    .optional()
    .describe(
      "Whether another vendor goes on when the one that answers a stream dies: `never`, `always`, `before:200` (tokens delivered); absent: as the configuration says.",
    ),
});
const rotation = z.strictObject({
  grace: duration.optional().describe("How long the old key goes on working; absent: 24h."),
});

const create: AdminOperation<z.infer<typeof newKey>> = {
  method: "post",
  path: "/tenants/{id}/keys",
  permission: "keys:write",
  summary: "Create a client key; it is shown this once",
  body: newKey,
  answers: { 201: "The key's id and the key itself.", 404: "There is no such tenant." },
};
const list: AdminOperation = {
  method: "get",
  path: "/tenants/{id}/keys",
  permission: "keys:read",
  summary: "A tenant's keys, without the keys themselves",
  answers: { 200: "The keys.", 404: "There is no such tenant." },
};
const revoke: AdminOperation = {
  method: "delete",
  path: "/keys/{id}",
  permission: "keys:write",
  summary: "Revoke a key, everywhere and at once",
  answers: { 200: "It is revoked.", 404: "There is no such key." },
};
const rotate: AdminOperation<z.infer<typeof rotation>> = {
  method: "post",
  path: "/keys/{id}/rotate",
  permission: "keys:write",
  summary: "A new key with the same rights; the old one works on for a while",
  body: rotation,
  isBodyOptional: true,
  answers: { 201: "The new key's id and the key itself.", 404: "There is no such key." },
};
export const KEY_OPERATIONS: readonly AdminOperation[] = [create, list, revoke, rotate];

export function keyRoutes(ports: KeyPorts): readonly AdminRoute[] {
  const { keys } = ports;
  return [
    route(create, async ({ param, body }) => {
      const made = await keys.create({
        tenant: tenantId(param()),
        name: body.name,
        scopes: body.scopes ?? null,
        models: body.models ?? null,
        vendors: body.vendors ?? null,
        ips: body.ips ?? null,
        limits: limitsOf(body.limits),
        budget: body.budget ? { points: pointsOf(body.budget.points), period: body.budget.period } : null,
        policy: policyOf(body),
        expiresAt:
          body.expires_at === undefined || body.expires_at === null ? null : momentOf(body.expires_at),
      });
      await ports.keyChanged(made.id);
      return shownOnce(made);
    }),
    route(list, async ({ param }) => {
      const { id } = await existing(ports.tenants, tenantId(param()));
      return { object: "list", data: (await keys.list(id)).map(viewOf) };
    }),
    route(revoke, async ({ param }) => {
      const id = keyId(param());
      if (!(await keys.revoke(id))) throw new SluiceError("not_found", `There is no key '${id}'.`);
      await ports.keyChanged(id);
      return { id, object: "key", deleted: true };
    }),
    route(rotate, async ({ param, body }) => {
      const id = keyId(param());
      const made = await keys.rotate(id, durationOf(body.grace ?? "24h"));
      await ports.keyChanged(id);
      return shownOnce(made);
    }),
  ];
}

function limitsOf(given: z.infer<typeof limits> | null | undefined): KeyRecord["limits"] {
  if (given === undefined || given === null) return null;
  const { qps, burst, concurrency } = given;
  return {
    ...(qps === undefined ? {} : { qps }),
    ...(burst === undefined ? {} : { burst }),
    ...(concurrency === undefined ? {} : { concurrency }),
  };
}

function policyOf({ on_short_balance, takeover }: z.infer<typeof newKey>): KeyRecord["policy"] {
  const policy = parseTakeover(takeover);
  return {
    onShortBalance: on_short_balance ?? "cap",
    ...(policy === undefined ? {} : { takeover: policy }),
  };
}

const shownOnce = ({ id, secret }: { readonly id: KeyId; readonly secret: string }): Response =>
  Response.json({ id, key: secret }, { status: 201, headers: { "cache-control": "no-store" } });

const viewOf = (key: KeyRecord) => ({
  id: key.id,
  object: "key",
  tenant: key.tenant,
  name: key.name,
  scopes: key.scopes,
  models: key.models,
  vendors: key.vendors,
  ips: key.ips,
  limits: key.limits,
  budget: key.budget === null ? null : { ...key.budget, points: formatPoints(key.budget.points) },
  on_short_balance: key.policy.onShortBalance,
  takeover: key.policy.takeover ?? null,
  expires_at: timeText(key.expiresAt),
  valid_until: timeText(key.validUntil),
  created_at: timeText(key.createdAt),
});

const timeText = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
