import type { Bus } from "../../bus/bus.ts";
import { createInProcessBus } from "../../bus/in-process.ts";
import { type NodeId, nodeId } from "../../core/ids.ts";
import { type Log, silentLog } from "../../core/log.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import { type Random, seededRandom } from "../../core/random.ts";
import type { Ask } from "../definition.ts";
import { type ActorHost, createActorHost, type HostedActor } from "../host.ts";
import type { LeasePorts } from "../leases/ports.ts";
import { createSingleNodePlacement } from "../single-node-placement.ts";

/** Owners on one host, and any number of nodes that lease from them over one bus. */
export interface LeaseWorld {
  readonly clock: ManualClock;
  readonly random: Random;
  readonly bus: Bus;
  readonly host: ActorHost;
  readonly log: Log;
  /** Errors that were logged. */
  readonly errors: string[];
  readonly counts: { hit: number; miss: number; asks: number };
  /** Probabilities with which a node's ask is lost on its way there, or its answer on the way back. */
  readonly losses: { there: number; back: number };
  /** What a node's leases are made with. */
  ports(name: string): LeasePorts & { readonly node: NodeId };
  /** Lets time pass in small steps, and everything happen that only waits for it. */
  pass(ms: number, stepMs?: number): Promise<void>;
  /** Lets time pass until the promise is settled, at most 20 s of it; answers as the promise does. */
  decided<Value>(promise: Value | Promise<Value>): Promise<Value>;
}

export async function createLeaseWorld(
  actors: (world: { clock: ManualClock; random: Random }) => readonly HostedActor[],
  seed = 1,
): Promise<LeaseWorld> {
  const clock = new ManualClock();
  const random = seededRandom(seed);
  const bus = createInProcessBus({ clock });
  const errors: string[] = [];
  const log: Log = { ...silentLog, error: (message) => void errors.push(message) };
  const owner = nodeId("owner");
  const host = createActorHost({
    bus,
    clock,
    random,
    log,
    node: owner,
    placement: createSingleNodePlacement(owner),
    actors: actors({ clock, random }),
  });
  await host.start();
  const counts = { hit: 0, miss: 0, asks: 0 };
  const losses = { there: 0, back: 0 };
  const ask: Ask = async (...asked) => {
    counts.asks += 1;
    if (random.next() < losses.there) throw new Error("lost on the way there");
    const reply = await host.ask(...asked);
    if (random.next() < losses.back) throw new Error("lost on the way back");
    return reply;
  };
  const counter = {
    lease(_: string, result: "hit" | "miss") {
      counts[result] += 1;
    },
  };
  const pass = async (ms: number, stepMs = 10): Promise<void> => {
    for (let passed = 0; passed < ms; passed += stepMs) {
      await clock.advance(Math.min(stepMs, ms - passed));
      await quiet();
    }
    await quiet();
  };
  return {
    clock,
    random,
    bus,
    host,
    log,
    errors,
    counts,
    losses,
    ports: (name) => ({ node: nodeId(name), clock, random, log, bus, ask, counter }),
    pass,
    async decided(promise) {
      if (!(promise instanceof Promise)) return promise;
      let isOver = false;
      const end = () => {
        isOver = true;
      };
      promise.then(end, end);
      await quiet();
      for (let steps = 0; !isOver && steps < 2_000; steps += 1) await pass(10);
      return promise;
    },
  };
}

/** Lets everything that only waits for microtasks happen. */
export const quiet = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
