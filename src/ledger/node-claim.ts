import { type Clock, sleep } from "../core/clock.ts";
import type { NodeId } from "../core/ids.ts";
import { connect } from "./database.ts";

/** A node's name, held in the ledger for as long as this process is connected to it. */
export interface NodeClaim {
  /**
   * Takes the name again should the connection have been lost meanwhile; false when another process has it.
   * @throws what the database said: nothing is known then
   */
  keep(): Promise<boolean>;
  release(): Promise<void>;
}

/** A process that was killed may leave its session behind for a moment. */
const TRY_MS = 5_000;
const AGAIN_MS = 200;

/**
 * Takes a node's name: two processes under one name would take each other's purses for their own leftovers.
 * Undefined when another process has it. (Postgres lets go of it when the process or its connection dies;
 * `keep` takes it again.)
 */
export async function claimNode(url: string, node: NodeId, clock: Clock): Promise<NodeClaim | undefined> {
  // A connection of its own that is never replaced: the claim belongs to it.
  const sql = connect(url, { max: 1, name: `sluice ${node}`, isKept: true });
  // Of a session that has it already it is one more hold; all of them end with the session.
  const keep = async (): Promise<boolean> => {
    const [row] = await sql<{ taken: boolean }[]>`
      select pg_try_advisory_lock(hashtextextended(${`sluice node ${node}`}, 0)) as taken`;
    return row?.taken === true;
  };
  const deadline = clock.monotonic() + TRY_MS;
  for (;;) {
    if (await keep()) return { keep, release: () => sql.end({ timeout: 1 }) };
    if (clock.monotonic() >= deadline) break;
    await sleep(clock, AGAIN_MS);
  }
  await sql.end({ timeout: 1 });
  return undefined;
}
