import { beforeEach, describe, expect, test } from "bun:test";
import { SluiceError } from "../core/errors.ts";
import { LEASE_MS, MAX_CRASHES, QUARANTINE_MS } from "./limits.ts";
import { type CounterWorld, createCounterWorld, failureOf } from "./testing/counter-world.ts";

let world: CounterWorld;
beforeEach(async () => {
  world = await createCounterWorld();
});

describe("an actor that throws", () => {
  test("answers that it failed, and starts again from what was committed", async () => {
    world.stored.set("a", 7);
    await world.ask("add", 1);
    expect(await failureOf(world.ask("crash", "bug"))).toMatchObject({ code: "internal_error" });
    expect(await world.ask("read", null)).toBe(7);
    expect(world.loads).toEqual(["a", "a"]);
    expect(world.host.snapshot().actors[0]).toMatchObject({ restarts: 1, status: "ready", lastError: "bug" });
    expect(world.errors[0]?.message).toBe("an actor restarts");
  });

  test("keeps what waits behind the crash", async () => {
    const replies = await Promise.all([
      failureOf(world.ask("crash", "bug")),
      world.ask("add", 1),
      world.ask("add", 1),
    ]);
    expect(replies.slice(1)).toEqual([1, 2]);
  });

  test("again and again is quarantined, shown, and released after a while", async () => {
    for (let crash = 0; crash < MAX_CRASHES; crash += 1) await failureOf(world.ask("crash", "poison"));
    expect(await failureOf(world.ask("read", null))).toMatchObject({
      code: "overloaded",
      detail: { retryAfterMs: QUARANTINE_MS },
    });
    expect(await world.ask("read", null, "b")).toBe(0);
    expect(world.host.snapshot().actors.find(({ key }) => key === "a")).toMatchObject({
      quarantined: true,
      status: "quarantined",
      restarts: MAX_CRASHES,
      lastError: "poison",
    });
    await world.clock.advance(QUARANTINE_MS);
    expect(await world.ask("read", null)).toBe(0);
    expect(world.host.snapshot().actors.find(({ key }) => key === "a")).toMatchObject({ quarantined: false });
  });

  test("now and then is not quarantined", async () => {
    for (let crash = 0; crash < MAX_CRASHES * 3; crash += 1) {
      await failureOf(world.ask("crash", "rare"));
      await world.clock.advance(20_000);
    }
    expect(await world.ask("read", null)).toBe(0);
  });

  test("in its tick restarts, too", async () => {
    await world.ask("add", -1);
    await world.clock.advance(1_000);
    expect(await world.ask("read", null)).toBe(0);
    expect(world.ticked).toBe(1);
  });

  test("knows in its next life that leases may still be held", async () => {
    expect(await world.ask("leases", null)).toBe(0);
    await world.clock.advance(500);
    await failureOf(world.ask("crash", "bug"));
    expect(await world.ask("leases", null)).toBe(500 + LEASE_MS);
  });
});

describe("a load that fails", () => {
  test("refuses who waits, pauses longer each time, and never quarantines", async () => {
    world.failLoad = new Error("the database is away");
    for (let tries = 0; tries < 12; tries += 1) {
      expect(await failureOf(world.ask("read", null))).toMatchObject({ code: "overloaded" });
      await world.clock.advance(5_000);
    }
    expect(world.loads).toHaveLength(12);
    world.failLoad = undefined;
    expect(await world.ask("read", null)).toBe(0);
  });

  test("is not tried again during its pause", async () => {
    world.failLoad = new Error("the database is away");
    await failureOf(world.ask("read", null));
    expect(await failureOf(world.ask("read", null))).toMatchObject({
      code: "overloaded",
      detail: { retryAfterMs: 100 },
    });
    expect(world.loads).toHaveLength(1);
  });

  test("with a SluiceError is answered as it is, without a pause", async () => {
    world.failLoad = new SluiceError("not_found", "No such tenant.");
    expect(await failureOf(world.ask("read", null))).toMatchObject({ code: "not_found" });
    world.failLoad = undefined;
    expect(await world.ask("read", null)).toBe(0);
  });
});
