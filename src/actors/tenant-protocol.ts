import type { NodeId } from "../core/ids.ts";
import { actorKind } from "./definition.ts";
import type { LimitOwnerProtocol } from "./limit-owner.ts";

/** The owner of a tenant's points, rates and key budgets. Its key is the tenant's id. */
export const TENANT = actorKind<TenantProtocol>("tenant");

/** How the budget for a path of the API is named at its tenant's owner; other names are keys'. */
export const pathBudget = (path: string): string => `${PATH_PREFIX}${path}`;
export const isPathBudget = (subject: string): boolean => subject.startsWith(PATH_PREFIX);
const PATH_PREFIX = "api:";

export type TenantProtocol = LimitOwnerProtocol & {
  /** Points for a node's purse. Committed in the ledger before it is answered. */
  grant: { ask: GrantAsk; reply: GrantReply };
  giveBack: { ask: GiveBackAsk; reply: null };
  /** To be asked after a top-up or any other change of the tenant: reads the ledger and voids denials everywhere. */
  refresh: { ask: null; reply: TenantState };
  state: { ask: null; reply: TenantState };
};

export interface GrantAsk {
  readonly node: NodeId;
  /** The node's life: what is granted to an earlier one would be nobody's. Null or absent: whichever. */
  readonly epoch?: bigint | null;
  /** Made by the node; the same on every try of one grant, so that it happens once. */
  readonly id: string;
  readonly isRetry: boolean;
  /** Micropoints that requests wait for; 0 for a refill ahead of need. */
  readonly need: bigint;
  /** The least that helps one of them. */
  readonly atLeast: bigint;
  /** What the node would like to have, by what it spends. */
  readonly want: bigint;
}

export interface GrantReply {
  readonly granted: bigint;
  /** When less than the need was granted: what the tenant could still give. A denial when nothing was. */
  readonly affordable: bigint;
  /** A try that got no answer, of an owner or of the ledger, may still be granted. */
  readonly isUnsure?: boolean;
}

export interface GiveBackAsk {
  readonly node: NodeId;
  readonly epoch?: bigint | null;
  readonly id: string;
  readonly isRetry: boolean;
  /** May be 0 as the answer to a recall. */
  readonly amount: bigint;
  /** The recall that this answers. */
  readonly recall?: string;
}

export interface TenantState {
  /** Micropoints that can still be granted, overdraft included. */
  readonly available: bigint;
  readonly overdraft: bigint;
  readonly purses: ReadonlyMap<NodeId, bigint>;
}
