import { SluiceError } from "../core/errors.ts";
import { type NodeId, nodeId, type TenantId } from "../core/ids.ts";
import { formatPoints, type Micropoints, micropointsOf, ZERO } from "../core/points.ts";
import { codeOf, OUT_OF_RANGE, type Sql } from "./database.ts";

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
  /** The node's life that it is for; null or absent: whichever. */
  readonly epoch?: bigint | null;
  readonly amount: Micropoints;
  /** Less than this is not worth granting. */
  readonly atLeast: Micropoints;
}

export interface Movement {
  readonly id: string;
  readonly tenant: TenantId;
  readonly node: NodeId;
  /** The node's life that it is of; null or absent: whichever. */
  readonly epoch?: bigint | null;
  readonly amount: Micropoints;
}

export interface Accounts {
  /**
   * Books points that a tenant bought. The same reference again is the same top-up.
   * @throws SluiceError `idempotency_conflict` when it comes with another amount, `not_found` for an unknown tenant,
   * `invalid_request` when the ledger cannot hold so much
   */
  topUp(
    tenant: TenantId,
    amount: Micropoints,
    reference: string,
  ): Promise<{ readonly balance: Micropoints; readonly isNew: boolean }>;
  /**
   * Moves points from the tenant to a node's purse; committed when it resolves.
   * @throws SluiceError `insufficient_points` with `affordable`, `not_found` for an unknown tenant, `conflict` when the
   * id was used for another tenant or node, or the node's life is over
   */
  grant(request: GrantRequest): Promise<Micropoints>;
  /**
   * Moves unspent points from a node's purse back. The same id again moves nothing.
   * @throws SluiceError `conflict` when the id was used for another move, or the node's life is over
   */
  giveBack(movement: Movement): Promise<void>;
  balances(tenant: TenantId): Promise<Balances>;
}

/** Money moves in Postgres: one round trip each, safe to repeat with their id. */
export function createAccounts(sql: Sql): Accounts {
  return {
    topUp: (tenant, amount, reference) => topUp(sql, tenant, amount, reference),
    grant: (request) => grant(sql, request),
    giveBack: (movement) => giveBack(sql, movement),
    balances: (tenant) => balances(sql, tenant),
  };
}

/** A foreign key names a row that is not there: accounts are opened for tenants only. */
const UNKNOWN_REFERENCE = "23503";
/** The ledger's own: an id that was used comes again with another move. */
const OTHER_TRANSFER = "SL001";
/** A move for an earlier life of its node. */
const LIFE_IS_OVER = "SL004";

async function topUp(sql: Sql, tenant: TenantId, amount: Micropoints, reference: string) {
  const running = sql<{ applied: boolean; balance: bigint }[]>`
    select * from top_up(${tenant}, ${amount as bigint}, ${reference})`;
  const [row] = await running.catch((thrown: unknown) => {
    if (codeOf(thrown) === OUT_OF_RANGE) {
      const message = "Invalid 'points': the balance would be more than the ledger can hold.";
      throw new SluiceError("invalid_request", message, { param: "points", cause: thrown });
    }
    if (codeOf(thrown) !== OTHER_TRANSFER) throw refusalOf(thrown, tenant);
    const message = `The reference '${reference}' was used for a top-up of another amount.`;
    throw new SluiceError("idempotency_conflict", message, { param: "reference", cause: thrown });
  });
  if (row === undefined) throw new Error("top_up answered nothing");
  return { balance: micropointsOf(row.balance), isNew: row.applied };
}

async function grant(
  sql: Sql,
  { id, tenant, node, epoch = null, amount, atLeast }: GrantRequest,
): Promise<Micropoints> {
  const running = sql<{ granted: bigint; available: bigint }[]>`
    select * from grant_points(${id}, ${tenant}, ${node}, ${epoch}, ${amount as bigint},
                                ${atLeast as bigint})`;
  const [row] = await running.catch((thrown: unknown) => {
    throw refusalOf(thrown, tenant);
  });
  if (row === undefined) throw new Error("grant_points answered nothing");
  if (row.granted > 0n) return micropointsOf(row.granted);
  const affordable = micropointsOf(row.available > 0n ? row.available : 0n);
  throw new SluiceError("insufficient_points", "The balance does not cover this request.", {
    affordable: formatPoints(affordable),
  });
}

async function giveBack(sql: Sql, { id, tenant, node, epoch = null, amount }: Movement): Promise<void> {
  const moving = sql`select give_back(${id}, ${tenant}, ${node}, ${epoch}, ${amount as bigint})`;
  await moving.catch((thrown: unknown) => {
    throw refusalOf(thrown, tenant);
  });
}

function refusalOf(thrown: unknown, tenant: TenantId): unknown {
  const code = codeOf(thrown);
  if (code === UNKNOWN_REFERENCE) {
    return new SluiceError("not_found", `There is no tenant '${tenant}'.`, { cause: thrown });
  }
  if (code === OTHER_TRANSFER) {
    return new SluiceError("conflict", "This transfer's id was used for another one.", { cause: thrown });
  }
  if (code === LIFE_IS_OVER) {
    return new SluiceError("conflict", "The node that this was for has begun anew since.", { cause: thrown });
  }
  return thrown;
}

/** One statement: what came in and what is left must be of the same moment, or the difference was never spent. */
async function balances(sql: Sql, tenant: TenantId): Promise<Balances> {
  const rows = await sql<
    { kind: string; node: string | null; balance: bigint; overdraft: bigint; topped_up: bigint }[]
  >`
    select a.kind, a.node, a.balance, a.overdraft, (
      select coalesce(sum(t.amount), 0)::bigint from transfer t where t.kind = 'topup' and t.credit = a.id
    ) as topped_up
    from account a where a.tenant = ${tenant} and a.kind in ('tenant', 'purse')`;
  const own = rows.find(({ kind }) => kind === "tenant");
  const toppedUp = own?.topped_up ?? 0n;
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
