import type { Bus } from "../../bus/bus.ts";
import { createInProcessBus } from "../../bus/in-process.ts";
import { SluiceError } from "../../core/errors.ts";
import { nodeId } from "../../core/ids.ts";
import { type LogFields, silentLog } from "../../core/log.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import { seededRandom } from "../../core/random.ts";
import { type ActorDefinition, actorKind } from "../definition.ts";
import { type ActorHost, createActorHost, defineActor } from "../host.ts";
import type { Pending } from "../pending.ts";
import { createSingleNodePlacement } from "../single-node-placement.ts";

/** An actor that adds up, and can be made to do everything that an actor may do wrong. */
export type CounterProtocol = {
  add: { ask: number; reply: number };
  read: { ask: null; reply: number };
  crash: { ask: string; reply: never };
  refuse: { ask: null; reply: never };
  addLater: { ask: number; reply: number };
  wait: { ask: null; reply: string };
  wake: { ask: string; reply: number };
  addThenCrash: { ask: number; reply: number };
  tell: { ask: boolean; reply: null };
  leases: { ask: null; reply: number };
};
export const COUNTER = actorKind<CounterProtocol>("counter");

interface State {
  sum: number;
  waiting: Pending<string>[];
}

/** A host with the counter, and what the counter sees of the outside. */
export interface CounterWorld {
  readonly clock: ManualClock;
  readonly bus: Bus;
  readonly host: ActorHost;
  /** What is kept outside the actor, as a ledger would. */
  readonly stored: Map<string, number>;
  /** Keys in the order they were loaded. */
  readonly loads: string[];
  /** Effects that run, in the order they began. */
  readonly effects: PromiseWithResolvers<number>[];
  readonly errors: { readonly message: string; readonly fields: LogFields | undefined }[];
  failLoad: unknown;
  isRestAllowed: boolean;
  ticked: number;
  ask<Name extends keyof CounterProtocol & string>(
    command: Name,
    payload: CounterProtocol[Name]["ask"],
    key?: string,
  ): Promise<CounterProtocol[Name]["reply"]>;
}

export const NODE = nodeId("n1");

export async function createCounterWorld(): Promise<CounterWorld> {
  const clock = new ManualClock();
  const bus = createInProcessBus({ clock });
  const errors: { message: string; fields: LogFields | undefined }[] = [];
  const outside: Outside = {
    stored: new Map(),
    loads: [],
    effects: [],
    failLoad: undefined,
    isRestAllowed: true,
    ticked: 0,
  };
  const host = createActorHost({
    bus,
    clock,
    random: seededRandom(1),
    log: { ...silentLog, error: (message, fields) => void errors.push({ message, fields }) },
    node: NODE,
    placement: createSingleNodePlacement(NODE),
    actors: [defineActor(counter(outside))],
  });
  await host.start();
  return Object.assign(outside, {
    clock,
    bus,
    host,
    errors,
    ask: <Name extends keyof CounterProtocol & string>(
      command: Name,
      payload: CounterProtocol[Name]["ask"],
      key = "a",
    ) => host.ask(COUNTER, key, command, payload, { timeoutMs: 1e9 }),
  });
}

type Outside = Pick<CounterWorld, "stored" | "loads" | "effects" | "failLoad" | "isRestAllowed" | "ticked">;

const counter = (outside: Outside): ActorDefinition<State, CounterProtocol> => ({
  kind: COUNTER,
  async load(key) {
    outside.loads.push(key);
    if (outside.failLoad !== undefined) throw outside.failLoad;
    return { sum: outside.stored.get(key) ?? 0, waiting: [] };
  },
  commands: {
    add: (state, amount) => {
      state.sum += amount;
      return state.sum;
    },
    read: (state) => state.sum,
    crash: (state, message) => {
      state.sum = 1_000_000;
      throw new TypeError(message);
    },
    refuse: () => {
      throw new SluiceError("rate_limit_exceeded", "Slow down.", {
        retryAfterMs: 250,
        limit: { name: "tenant", limit: 5, remaining: 0, resetMs: 250 },
        affordable: "0.5",
        cause: new Error("inside"),
      });
    },
    addLater: (state, amount, context) => {
      state.sum += amount;
      const effect = Promise.withResolvers<number>();
      return context.effect(
        () => {
          outside.effects.push(effect);
          return effect.promise;
        },
        {
          done: (current, value) => {
            current.sum += value;
            return current.sum;
          },
          failed: (current, thrown) => {
            current.sum -= amount;
            if (thrown instanceof TypeError) throw thrown;
            return -1;
          },
        },
      );
    },
    wait: (state, _, context) => {
      const pending = context.later<string>();
      state.waiting.push(pending);
      return pending;
    },
    wake: (state, word) => {
      const woken = state.waiting.splice(0);
      for (const pending of woken) pending.answer(word);
      return woken.length;
    },
    addThenCrash: (state, amount, context) => {
      state.sum += amount;
      context.publish("counter.told", amount);
      context.effect(async () => outside.effects.push(Promise.withResolvers()), { done: () => null });
      throw new TypeError("after all");
    },
    tell: (_, isRefused, context) => {
      context.publish("counter.told", context.key);
      if (isRefused) throw new SluiceError("conflict", "No.");
      return null;
    },
    leases: (_state, _ask, context) => context.leasesUntil,
  },
  tick: {
    everyMs: 1_000,
    run: (state) => {
      outside.ticked += 1;
      if (state.sum < 0) throw new RangeError("negative");
    },
  },
  canRest: () => outside.isRestAllowed,
  summary: (state) => ({ sum: state.sum }),
});

/** Lets everything that only waits for microtasks happen. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What the promise rejected with. */
export const failureOf = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => "answered",
    (thrown: unknown) => thrown,
  );
