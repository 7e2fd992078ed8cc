import { SluiceError } from "../core/errors.ts";
import { type NodeId, nodeId, type TenantId } from "../core/ids.ts";
import { formatPoints, type Micropoints, micropointsOf, ZERO } from "../core/points.ts";
import { codeOf, type Sql } from "./database.ts";

/** Where a tenant's points are, as the ledger has booked them. */
export interface Balances {
  /** Not granted to any node; below zero by at most the overdraft. */
  readonly tenantAccount: Micropoints;
  /** Granted, by node. */
  readonly purses: ReadonlyMap<NodeId, Micropoints>;
  readonly overdraft: Micropoints;
  readonly toppedUp: Micropoints;
  readonly spent: Micropoints;
}

export interface GrantRequest {
  /** Names this grant: asked again with the same id, the same amount is answered and nothing moves. */
  readonly id: string;
  readonly tenant: TenantId;
  readonly node: NodeId;
  readonly amount: Micropoints;
  /** Less than this is not worth granting. */
  readonly atLeast: Micropoints;
}

export interface Movement {
  readonly id: string;
  readonly tenant: TenantId;
  readonly node: NodeId;
  readonly amount: Micropoints;
}

export interface Accounts {
  /** Books points that a tenant bought. The same reference again is the same top-up; with another amount `idempotency_conflict`; `not_found` for an unknown tenant. */
  topUp(
    tenant: TenantId,
    amount: Micropoints,
    reference: string,
  ): Promise<{ readonly balance: Micropoints; readonly isNew: boolean }>;
  /** Moves points from the tenant to a node's purse; committed when it resolves. Throws `insufficient_points` with `affordable`. */
  grant(request: GrantRequest): Promise<Micropoints>;
  /** Moves unspent points from a node's purse back. The same id again moves nothing. */
  giveBack(movement: Movement): Promise<void>;
  balances(tenant: TenantId): Promise<Balances>;
}

/** Money moves in Postgres: one round trip each, safe to repeat with their id. */
export function createAccounts(sql: Sql): Accounts {
  return {
    topUp: (tenant, amount, reference) => topUp(sql, tenant, amount, reference),
    grant: (request) => grant(sql, request),
    async giveBack({ id, tenant, node, amount }) {
      await sql`select give_back(${id}, ${tenant}, ${node}, ${amount as bigint})`;
    },
    balances: (tenant) => balances(sql, tenant),
  };
}

const UNKNOWN_REFERENCE = "23503";

async function topUp(sql: Sql, tenant: TenantId, amount: Micropoints, reference: string) {
  try {
    const [row] = await sql<{ applied: boolean; same_amount: boolean; balance: bigint }[]>`
      select * from top_up(${tenant}, ${amount as bigint}, ${reference})`;
    if (row === undefined) throw new Error("top_up answered nothing");
    if (!row.same_amount) {
      throw new SluiceError(
        "idempotency_conflict",
        `The reference '${reference}' was used for a top-up of another amount.`,
        { param: "reference" },
      );
    }
    return { balance: micropointsOf(row.balance), isNew: row.applied };
  } catch (thrown) {
    if (codeOf(thrown) === UNKNOWN_REFERENCE) {
      throw new SluiceError("not_found", `There is no tenant '${tenant}'.`, { cause: thrown });
    }
    throw thrown;
  }
}

async function grant(sql: Sql, { id, tenant, node, amount, atLeast }: GrantRequest): Promise<Micropoints> {
  const [row] = await sql<{ granted: bigint; available: bigint }[]>`
    select * from grant_points(${id}, ${tenant}, ${node}, ${amount as bigint}, ${atLeast as bigint})`;
  if (row === undefined) throw new Error("grant_points answered nothing");
  if (row.granted > 0n) return micropointsOf(row.granted);
  const affordable = micropointsOf(row.available > 0n ? row.available : 0n);
  throw new SluiceError("insufficient_points", "The balance does not cover this request.", {
    affordable: formatPoints(affordable),
  });
}

async function balances(sql: Sql, tenant: TenantId): Promise<Balances> {
  const rows = await sql<{ kind: string; node: string | null; balance: bigint; overdraft: bigint }[]>`
    select kind, node, balance, overdraft from account where tenant = ${tenant}`;
  const own = rows.find(({ kind }) => kind === "tenant");
  const [sums] = await sql<{ topped_up: bigint }[]>`
    select coalesce(sum(t.amount), 0)::bigint as topped_up
    from account a join transfer t on t.kind = 'topup' and t.credit = a.id
    where a.tenant = ${tenant} and a.kind = 'tenant'`;
  const toppedUp = sums?.topped_up ?? 0n;
  // Double entry: what came in and is neither here nor in a purse was spent.
  const left = rows.reduce((sum, { balance }) => sum + balance, 0n);
  return {
    tenantAccount: own === undefined ? ZERO : micropointsOf(own.balance),
    purses: new Map(
      rows.flatMap(({ kind, node, balance }) =>
        kind === "purse" && node !== null ? [[nodeId(node), micropointsOf(balance)] as const] : [],
      ),
    ),
    overdraft: own === undefined ? ZERO : micropointsOf(own.overdraft),
    toppedUp: micropointsOf(toppedUp),
    spent: micropointsOf(toppedUp - left),
  };
}
