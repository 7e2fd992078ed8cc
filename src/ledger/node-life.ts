import type { Clock } from "../core/clock.ts";
import type { NodeId } from "../core/ids.ts";
import type { Sql } from "./database.ts";
import type { NodeClaim } from "./node-claim.ts";

export interface NodeLifeOptions {
  readonly sql: Sql;
  readonly node: NodeId;
  /** That its start began in the ledger. */
  readonly epoch: bigint;
  readonly claim: NodeClaim;
  readonly clock: Clock;
}

export interface NodeLife {
  /** Resolves with why this process is no longer the node; never while it is. */
  readonly over: Promise<string>;
  stop(): void;
}

/** How often the ledger is asked. Until then nothing can go wrong: it refuses what a former life asks for. */
const LOOK_MS = 5_000;

/**
 * Notices when the ledger knows another life of this node: an operator released it, or a process took its name while
 * the connection was lost. Grants are refused from then on, so that going on would only look like serving.
 */
export function watchLife({ sql, node, epoch, claim, clock }: NodeLifeOptions): NodeLife {
  const { promise: over, resolve } = Promise.withResolvers<string>();
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (!(await claim.keep())) {
      resolve(`Another process runs as node '${node}' by now.`);
      return;
    }
    const [row] = await sql<{ epoch: bigint }[]>`select spool_epoch as epoch from node where id = ${node}`;
    if (row?.epoch !== epoch) resolve(`Node '${node}' was released: its points went back to their tenants.`);
  };
  const cancel = clock.every(LOOK_MS, () => {
    if (isLooking) return;
    isLooking = true;
    // Who cannot ask the ledger does not know, and is asked again in a moment.
    look().then(
      () => {
        isLooking = false;
      },
      () => {
        isLooking = false;
      },
    );
  });
  return { over, stop: cancel };
}
