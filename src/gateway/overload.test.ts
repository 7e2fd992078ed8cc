import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { TIERS, type Tier } from "../core/catalog.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { createOverloadGate, MOST_IN_FLIGHT, type OverloadGate } from "./overload.ts";

/** A clock whose timers run late when the event loop is busy. */
class BusyClock extends ManualClock {
  lateMs = 0;
  override monotonic(): number {
    return super.monotonic() + this.lateMs;
  }
}

let clock: BusyClock;
let gate: OverloadGate;
let inFlight: number;
let memory: number;

beforeEach(() => {
  clock = new BusyClock();
  inFlight = 0;
  memory = 0.3;
  gate = createOverloadGate({ clock, inFlight: () => inFlight, memory: () => memory });
});
afterEach(() => gate.close());

const refused = (): readonly Tier[] => TIERS.filter((tier) => gate.refusal(tier) !== undefined);

/** Each look finds the timers so much later than the one before. */
async function lag(ms: number, looks: number): Promise<void> {
  for (let look = 0; look < looks; look += 1) {
    clock.lateMs += ms;
    await clock.advance(100);
  }
}

describe("a node", () => {
  test("that is well lets everybody in", async () => {
    inFlight = 5_000;
    await clock.advance(10_000);
    expect([refused(), gate.state.limit]).toEqual([[], MOST_IN_FLIGHT]);
  });

  test("that has more than it bears at once refuses the lowest tier first", () => {
    inFlight = MOST_IN_FLIGHT * 0.75;
    expect(refused()).toEqual(["test"]);
    inFlight = MOST_IN_FLIGHT * 0.95;
    expect(refused().toSorted()).toEqual(["normal", "test"]);
    inFlight = MOST_IN_FLIGHT;
    expect(refused()).toHaveLength(3);
    expect(gate.refusal("vip")).toMatchObject({ code: "overloaded", detail: { retryAfterMs: 1_000 } });
    expect(gate.state.shed).toEqual({ test: 3, normal: 2, vip: 2 });
  });

  test("whose event loop runs late refuses until fewer run, then takes more again little by little", async () => {
    inFlight = 1_000;
    await lag(300, 2);
    expect(refused()).toEqual([]);
    await lag(300, 1);
    expect([refused().length, gate.state.limit]).toEqual([3, 800]);
    inFlight = 600;
    expect(refused()).toEqual(["test"]);
    inFlight = 400;
    expect(refused()).toEqual([]);
    await clock.advance(1_000);
    expect(gate.state.limit).toBeWithin(950, 1_000);
    await clock.advance(60_000);
    expect(gate.state.limit).toBe(MOST_IN_FLIGHT);
  });

  test("that is short of memory refuses, too, and never everybody for good", async () => {
    inFlight = 1_000;
    memory = 0.95;
    await clock.advance(5_000);
    expect([refused().length, gate.state.limit]).toEqual([3, 200]);
    inFlight = 100;
    expect(refused()).toEqual([]);
  });
});
