import type { KeyId, NodeId, TenantId } from "../core/ids.ts";
import type { Micropoints } from "../core/points.ts";

/**
 * What the tenant actor needs of the ledger. Refusals are SluiceErrors; anything else thrown means that it is
 * not known whether the call happened.
 */
export interface TenantLedger {
  balances(tenant: TenantId): Promise<TenantBalances>;
  /** Moves min(amount, what the tenant can give) into the node's purse, but not less than `atLeast`: else `insufficient_points`. The same id again answers what it moved the first time. */
  grant(move: Move & { readonly atLeast: Micropoints }): Promise<Micropoints>;
  /** Moves back; the same id again does nothing. */
  giveBack(move: Move): Promise<unknown>;
  /** Charged to the key since then (epoch milliseconds). */
  spentByKey(key: KeyId, since: number): Promise<Micropoints>;
}

export interface Move {
  readonly id: string;
  readonly tenant: TenantId;
  readonly node: NodeId;
  /** The node's life; a move for an earlier one is refused. Null or absent: whichever. */
  readonly epoch?: bigint | null;
  readonly amount: Micropoints;
}

export interface TenantBalances {
  /** May be negative down to `-overdraft`. */
  readonly tenantAccount: Micropoints;
  readonly overdraft: Micropoints;
  /** What the ledger has in each node's purse, spent but not yet booked points included. */
  readonly purses: ReadonlyMap<NodeId, Micropoints>;
}
