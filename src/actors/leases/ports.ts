import type { Bus } from "../../bus/bus.ts";
import type { Clock } from "../../core/clock.ts";
import type { NodeId } from "../../core/ids.ts";
import type { Log } from "../../core/log.ts";
import type { Random } from "../../core/random.ts";
import type { Ask } from "../definition.ts";
import type { LeaseCounter } from "./leases.ts";

/** What every kind of lease needs of its node. */
export interface LeasePorts {
  readonly node: NodeId;
  /** Which life of the node this is, as the ledger counts them; absent: it does not count. */
  readonly epoch?: bigint;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly bus: Bus;
  /** `ActorHost.ask`. */
  readonly ask: Ask;
  readonly counter?: LeaseCounter;
  /** How many nodes share a limit while its owner cannot be reached; absent: nothing is taken without an owner. */
  readonly nodes?: () => number;
}

/**
 * Numbers this node's messages about one limit. Starts at the wall clock, so that a node started anew under the
 * same name goes on above where it was.
 */
export function createSequence(clock: Clock): () => number {
  let last = clock.now();
  return () => {
    last += 1;
    return last;
  };
}
