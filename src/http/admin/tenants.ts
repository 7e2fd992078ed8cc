import { z } from "zod";
import { SluiceError } from "../../core/errors.ts";
import { randomText, type TenantId, tenantId } from "../../core/ids.ts";
import { formatPoints, ZERO } from "../../core/points.ts";
import type { Random } from "../../core/random.ts";
import type { Accounts } from "../../ledger/accounts.ts";
import type { Tenant, Tenants } from "../../ledger/tenants.ts";
import { type BalancePorts, balanceOf } from "../balance.ts";
import { amount, limitOf, name, pointsOf, positiveAmount, reference, tier } from "./fields.ts";
import { type AdminOperation, type AdminRoute, route } from "./operation.ts";

export interface TenantPorts extends BalancePorts {
  readonly random: Random;
  readonly tenants: Tenants;
  readonly accounts: Pick<Accounts, "balances" | "topUp">;
  /** The tenant has other points, another tier or overdraft: what nodes believe of it must be asked anew. */
  tenantChanged(tenant: TenantId): void | Promise<void>;
}

const newTenant = z.strictObject({
  id: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/,
      "must be 1 to 64 letters, digits, '_', '.', ':' or '-', beginning with a letter or digit",
    )
    .optional()
    .describe("Absent: one is made."),
  name,
  tier: tier.optional().describe("Absent: normal."),
  overdraft: amount.optional().describe("How far below zero the balance may go; absent: 0."),
});
const tenantChanges = newTenant.omit({ id: true }).partial();
const topUp = z.strictObject({
  points: positiveAmount,
  reference: reference.describe(
    "Names this top-up, such as an invoice's number: the same one again is booked once.",
  ),
});

const create: AdminOperation<z.infer<typeof newTenant>> = {
  method: "post",
  path: "/tenants",
  permission: "tenants:write",
  summary: "Create a tenant",
  body: newTenant,
  answers: { 201: "The tenant.", 409: "The id is taken." },
};
const list: AdminOperation = {
  method: "get",
  path: "/tenants",
  permission: "tenants:read",
  summary: "List tenants, by id",
  parameters: { limit: "At most this many; absent: 100.", after: "Only those behind this id." },
  answers: { 200: "The tenants." },
};
const get: AdminOperation = {
  method: "get",
  path: "/tenants/{id}",
  permission: "tenants:read",
  summary: "One tenant",
  answers: { 200: "The tenant.", 404: "There is none." },
};
const update: AdminOperation<z.infer<typeof tenantChanges>> = {
  method: "patch",
  path: "/tenants/{id}",
  permission: "tenants:write",
  summary: "Change a tenant's name, tier or overdraft",
  body: tenantChanges,
  answers: { 200: "The tenant.", 404: "There is none.", 409: "More of the overdraft is in use." },
};
const addPoints: AdminOperation<z.infer<typeof topUp>> = {
  method: "post",
  path: "/tenants/{id}/topups",
  permission: "ledger:write",
  summary: "Book points that a tenant bought; the same reference twice is one top-up",
  body: topUp,
  answers: {
    201: "The new balance.",
    200: "It was booked before; the balance as it is.",
    409: "The reference was used for another amount.",
  },
};
const balance: AdminOperation = {
  method: "get",
  path: "/tenants/{id}/balance",
  permission: "ledger:read",
  summary: "A tenant's balance, with everything booked that has ended",
  answers: { 200: "Balance, reserved, available and spent points.", 404: "There is no such tenant." },
};
export const TENANT_OPERATIONS: readonly AdminOperation[] = [create, list, get, update, addPoints, balance];

export function tenantRoutes(ports: TenantPorts): readonly AdminRoute[] {
  return [
    route(create, async ({ body }) => {
      const id = tenantId(body.id ?? `tenant_${randomText(ports.random.bytes(16))}`);
      const overdraft = body.overdraft === undefined ? ZERO : pointsOf(body.overdraft);
      return viewOf(
        await ports.tenants.create({ id, name: body.name, tier: body.tier ?? "normal", overdraft }),
      );
    }),
    route(list, async ({ query }) => {
      const limit = limitOf(query);
      const found = await ports.tenants.list({ limit: limit + 1, after: query.get("after") ?? "" });
      return { object: "list", data: found.slice(0, limit).map(viewOf), has_more: found.length > limit };
    }),
    route(get, async ({ param }) => viewOf(await existing(ports.tenants, tenantId(param())))),
    route(update, async ({ param, body }) => {
      const id = tenantId(param());
      const changed = await ports.tenants.update(id, {
        ...(body.name === undefined ? {} : { name: body.name }),
        ...(body.tier === undefined ? {} : { tier: body.tier }),
        ...(body.overdraft === undefined ? {} : { overdraft: pointsOf(body.overdraft) }),
      });
      if (changed === undefined) throw unknownTenant(id);
      await ports.tenantChanged(id);
      return viewOf(changed);
    }),
    route(addPoints, async ({ param, body }) => {
      const id = tenantId(param());
      const booked = await ports.accounts.topUp(id, pointsOf(body.points), body.reference);
      await ports.tenantChanged(id);
      return Response.json({ balance: formatPoints(booked.balance) }, { status: booked.isNew ? 201 : 200 });
    }),
    route(balance, async ({ param }) => {
      const { id } = await existing(ports.tenants, tenantId(param()));
      return balanceOf(ports, id);
    }),
  ];
}

/** @throws SluiceError `not_found` */
export async function existing(tenants: Pick<Tenants, "get">, id: TenantId): Promise<Tenant> {
  const tenant = await tenants.get(id);
  if (tenant === undefined) throw unknownTenant(id);
  return tenant;
}

const unknownTenant = (id: string): SluiceError =>
  new SluiceError("not_found", `There is no tenant '${id}'.`);

const viewOf = ({ id, name, tier, overdraft, createdAt }: Tenant) => ({
  id,
  object: "tenant",
  name,
  tier,
  overdraft: formatPoints(overdraft),
  created_at: new Date(createdAt).toISOString(),
});
