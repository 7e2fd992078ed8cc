import { beforeEach, describe, expect, test } from "bun:test";
import { SluiceError } from "../core/errors.ts";
import { MAILBOX_LENGTH } from "../core/limits.ts";
import { actorKind } from "./definition.ts";
import { IDLE_ACTOR_MS, IDLE_SWEEP_MS } from "./limits.ts";
import {
  COUNTER,
  type CounterProtocol,
  type CounterWorld,
  createCounterWorld,
  failureOf,
  NODE,
  settle,
} from "./testing/counter-world.ts";

let world: CounterWorld;
beforeEach(async () => {
  world = await createCounterWorld();
});

describe("commands", () => {
  test("run in the order they were asked, after one load", async () => {
    world.stored.set("a", 100);
    const replies = await Promise.all([world.ask("add", 1), world.ask("add", 2), world.ask("add", 3)]);
    expect(replies).toEqual([101, 103, 106]);
    expect(world.loads).toEqual(["a"]);
  });

  test("actors of different keys have states of their own", async () => {
    await world.ask("add", 1, "a");
    await world.ask("add", 2, "b");
    expect(await world.ask("read", null, "a")).toBe(1);
    expect(await world.ask("read", null, "b")).toBe(2);
  });

  test("a SluiceError crosses the bus with its code and detail, and is no crash", async () => {
    await world.ask("add", 1);
    const thrown = await failureOf(world.ask("refuse", null));
    expect(thrown).toBeInstanceOf(SluiceError);
    expect(thrown).toMatchObject({
      code: "rate_limit_exceeded",
      message: "Slow down.",
      detail: {
        retryAfterMs: 250,
        limit: { name: "tenant", limit: 5, remaining: 0, resetMs: 250 },
        affordable: "0.5",
      },
    });
    expect((thrown as SluiceError).detail.cause).toBeUndefined();
    expect(await world.ask("read", null)).toBe(1);
    expect(world.loads).toHaveLength(1);
  });

  test("an unknown command or kind is an error, not a hang", async () => {
    expect(await failureOf(world.ask("nonsense" as "read", null))).toMatchObject({ code: "internal_error" });
    const stranger = actorKind<CounterProtocol>("stranger");
    expect(await failureOf(world.host.ask(stranger, "a", "read", null))).toMatchObject({
      code: "internal_error",
    });
  });

  test("a published message leaves only when its turn ends well", async () => {
    const told: unknown[] = [];
    world.bus.subscribe("counter.told", (payload) => void told.push(payload));
    await world.ask("tell", false);
    await failureOf(world.ask("tell", true));
    await failureOf(world.ask("addThenCrash", 1));
    await settle();
    expect(told).toEqual(["a"]);
    expect(world.effects).toHaveLength(0);
  });
});

describe("effects", () => {
  test("start after the state has changed, and others are served meanwhile", async () => {
    const slow = world.ask("addLater", 5);
    expect(await world.ask("read", null)).toBe(5);
    expect(await world.ask("add", 1)).toBe(6);
    world.effects[0]?.resolve(10);
    expect(await slow).toBe(16);
  });

  test("a failed one comes back as a turn that can answer", async () => {
    const slow = world.ask("addLater", 5);
    await settle();
    world.effects[0]?.reject(new Error("away"));
    expect(await slow).toBe(-1);
    expect(await world.ask("read", null)).toBe(0);
  });

  test("one that completes into a crash refuses its asker and restarts the actor", async () => {
    world.stored.set("a", 7);
    const slow = failureOf(world.ask("addLater", 5));
    await settle();
    world.effects[0]?.reject(new TypeError("bug"));
    expect(await slow).toMatchObject({ code: "internal_error" });
    expect(await world.ask("read", null)).toBe(7);
  });

  test("a completion of an earlier life is dropped", async () => {
    const slow = failureOf(world.ask("addLater", 5));
    await settle();
    await failureOf(world.ask("crash", "bug"));
    expect(await slow).toMatchObject({ code: "internal_error" });
    expect(await world.ask("read", null)).toBe(0);
    world.effects[0]?.resolve(10);
    await settle();
    expect(await world.ask("read", null)).toBe(0);
  });

  test("an answer left for later is given by another command", async () => {
    const waiting = [world.ask("wait", null), world.ask("wait", null)];
    await settle();
    expect(world.host.snapshot().actors[0]?.mailbox).toBe(2);
    expect(await world.ask("wake", "up")).toBe(2);
    expect(await Promise.all(waiting)).toEqual(["up", "up"]);
    await settle();
    expect(world.host.snapshot().actors[0]?.mailbox).toBe(0);
  });
});

describe("a full mailbox", () => {
  test("refuses what comes on top as overloaded, and works on", async () => {
    const waiting = Array.from({ length: MAILBOX_LENGTH }, () => world.ask("wait", null));
    await settle();
    expect(await failureOf(world.ask("read", null))).toMatchObject({
      code: "overloaded",
      detail: { retryAfterMs: 1_000 },
    });
    expect(await world.ask("read", null, "other")).toBe(0);
    await failureOf(world.ask("wake", "up"));
    const stopping = world.host.stop(1_000);
    await world.clock.advance(1_000);
    await stopping;
    const ends = await Promise.all(waiting.map((one) => failureOf(one)));
    expect(ends).toHaveLength(MAILBOX_LENGTH);
  });
});

describe("an idle actor", () => {
  test("is dropped after a while and loaded again when asked", async () => {
    await world.ask("add", 3);
    world.stored.set("a", 3);
    await world.clock.advance(IDLE_ACTOR_MS + IDLE_SWEEP_MS);
    expect(world.host.snapshot().total).toBe(0);
    expect(world.host.find(COUNTER.name, "a")).toBeUndefined();
    expect(await world.ask("read", null)).toBe(3);
    expect(world.host.find(COUNTER.name, "a")).toEqual(world.host.snapshot().actors[0]);
    expect(world.loads).toEqual(["a", "a"]);
  });

  test("stays while it says so, while it is asked, and while an answer is owed", async () => {
    world.isRestAllowed = false;
    await world.ask("read", null);
    await world.clock.advance(2 * IDLE_ACTOR_MS);
    expect(world.host.snapshot().total).toBe(1);
    world.isRestAllowed = true;
    const waiting = world.ask("wait", null);
    await settle();
    await world.clock.advance(2 * IDLE_ACTOR_MS);
    expect(world.host.snapshot().total).toBe(1);
    await world.ask("wake", "up");
    await waiting;
    await world.clock.advance(IDLE_ACTOR_MS / 2);
    expect(world.host.snapshot().total).toBe(1);
  });
});

describe("stopping", () => {
  test("waits for open asks and refuses new ones", async () => {
    const slow = world.ask("addLater", 5);
    await settle();
    let isStopped = false;
    const stopping = world.host.stop(5_000).then(() => (isStopped = true));
    expect(await failureOf(world.ask("read", null))).toMatchObject({ code: "overloaded" });
    expect(isStopped).toBe(false);
    world.effects[0]?.resolve(1);
    expect(await slow).toBe(6);
    await stopping;
    expect(await failureOf(world.ask("read", null))).toMatchObject({ kind: "no_responders" });
  });

  test("does not wait beyond its deadline", async () => {
    const slow = failureOf(world.ask("addLater", 5));
    await settle();
    const stopping = world.host.stop(5_000);
    await world.clock.advance(5_000);
    await stopping;
    expect(await slow).toMatchObject({ kind: "timeout" });
  });
});

test("the snapshot names kind, key, shard, node, state and load", async () => {
  await world.ask("add", 4);
  expect(world.host.snapshot()).toEqual({
    total: 1,
    actors: [
      {
        kind: "counter",
        key: "a",
        shard: expect.any(Number),
        node: NODE,
        status: "ready",
        mailbox: 0,
        restarts: 0,
        quarantined: false,
        summary: { sum: 4 },
      },
    ],
  });
});
