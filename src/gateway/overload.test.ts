import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { TIERS, type Tier } from "../core/catalog.ts";
import { silentLog } from "../core/log.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { createOverloadGate, type OverloadGate } from "./overload.ts";

/** A clock whose timers run late when the event loop is busy. */
class BusyClock extends ManualClock {
  lateMs = 0;
  override monotonic(): number {
    return super.monotonic() + this.lateMs;
  }
}

const settings = { lagMs: 200, maxInFlight: 10_000, minInFlight: 100 };
let clock: BusyClock;
let gate: OverloadGate;
let inFlight: number;
let memory: number;
let lines: string[];

beforeEach(() => {
  clock = new BusyClock();
  inFlight = 0;
  memory = 0.3;
  lines = [];
  const say = (line: string): void => void lines.push(line);
  const log = { ...silentLog, warn: say, info: say };
  gate = createOverloadGate({ clock, log, settings, inFlight: () => inFlight, memory: () => memory });
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

/** Which tiers are refused, look after look, until all are. */
async function refusedWhileLate(ms: number): Promise<string[]> {
  const seen: string[] = [];
  for (let look = 0; look < 100 && gate.state.refusing.length < 3; look += 1) {
    await lag(ms, 1);
    const now = gate.state.refusing.join();
    if (now !== seen.at(-1)) seen.push(now);
  }
  return seen;
}

describe("a node", () => {
  test("that is well lets everybody in", async () => {
    inFlight = 5_000;
    await clock.advance(10_000);
    expect([refused(), gate.state.limit]).toEqual([[], settings.maxInFlight]);
    expect(lines).toEqual([]);
  });

  test("that has as many requests as it may refuses the lowest tier first", () => {
    inFlight = 7_000;
    expect(refused()).toEqual(["test"]);
    inFlight = 8_500;
    expect(refused()).toEqual(["normal", "test"]);
    inFlight = 9_999;
    expect(refused()).toEqual(["normal", "test"]);
    inFlight = 10_000;
    expect(refused()).toEqual(["vip", "normal", "test"]);
    expect(gate.state.shed).toEqual({ test: 4, normal: 3, vip: 1 });
  });

  test("says when to come back, to the lowest tier last", () => {
    inFlight = 10_000;
    const waits = TIERS.map((tier) => gate.refusal(tier));
    expect(waits).toMatchObject([
      { code: "overloaded", status: 503, detail: { retryAfterMs: 1_000 } },
      { code: "overloaded", status: 503, detail: { retryAfterMs: 2_000 } },
      { code: "overloaded", status: 503, detail: { retryAfterMs: 4_000 } },
    ]);
  });
});

describe("a node whose event loop runs late", () => {
  test("refuses one tier after the other, for as long as that does not help", async () => {
    inFlight = 1_000;
    expect(await refusedWhileLate(300)).toEqual(["", "test", "normal,test", "vip,normal,test"]);
  });

  test("takes no notice of two late timers in a row, nor of any that are not late enough", async () => {
    inFlight = 1_000;
    for (let time = 0; time < 10; time += 1) {
      await lag(900, 2);
      await lag(0, 1);
    }
    await lag(199, 50);
    expect([refused(), gate.state.limit]).toEqual([[], settings.maxInFlight]);
  });

  test("follows its requests down as they end, and never lets in fewer than the least", async () => {
    inFlight = 1_000;
    await lag(300, 10);
    const before = gate.state.limit;
    inFlight = 300;
    await lag(300, 1);
    expect(gate.state.limit).toBeLessThan(before);
    expect(gate.state.limit).toBeWithin(300, 300 / 0.7);
    inFlight = 0;
    await lag(300, 100);
    expect(gate.state.limit).toBe(settings.minInFlight);
    inFlight = 69;
    expect(refused()).toEqual([]);
  });

  test("changes nothing while it is neither late nor well, then lets more in little by little", async () => {
    inFlight = 1_000;
    await lag(300, 6);
    const { limit } = gate.state;
    await lag(150, 100);
    expect(gate.state.limit).toBe(limit);
    await lag(50, 9);
    expect(gate.state.limit).toBe(limit);
    await lag(50, 10);
    expect(gate.state.limit).toBeWithin(limit * 1.15, limit * 1.3);
    await clock.advance(60_000);
    expect(gate.state.limit).toBe(settings.maxInFlight);
    expect(refused()).toEqual([]);
  });

  test("lets the highest tier in again first", async () => {
    inFlight = 1_000;
    await refusedWhileLate(300);
    const seen: string[] = [];
    for (let look = 0; look < 100; look += 1) {
      await clock.advance(100);
      const now = gate.state.refusing.join();
      if (now !== seen.at(-1)) seen.push(now);
    }
    expect(seen).toEqual(["vip,normal,test", "normal,test", "test", ""]);
  });
});

describe("a node that is short of memory", () => {
  test("refuses the lowest tier first, and lets it in when there is clearly more room", async () => {
    inFlight = 1_000;
    const after = async (use: number) => {
      memory = use;
      await clock.advance(100);
      return gate.state.refusing.join();
    };
    expect(await after(0.84)).toBe("");
    expect(await after(0.86)).toBe("test");
    expect(await after(0.83)).toBe("test");
    expect(await after(0.91)).toBe("normal,test");
    expect(await after(0.96)).toBe("vip,normal,test");
    expect(await after(0.93)).toBe("vip,normal,test");
    expect(await after(0.91)).toBe("normal,test");
    expect(await after(0.83)).toBe("test");
    expect(await after(0.81)).toBe("");
  });

  test("that does not come back still lets a few requests run", async () => {
    memory = 0.99;
    await clock.advance(60_000);
    inFlight = 69;
    expect(refused()).toEqual([]);
    inFlight = 100;
    expect(refused()).toEqual(["vip", "normal", "test"]);
  });
});

test("the log tells once that it begins and once that it is over, with what it was", async () => {
  inFlight = 1_000;
  await lag(300, 4);
  for (let again = 0; again < 20; again += 1) {
    refused();
    await lag(300, 1);
  }
  inFlight = 10;
  await clock.advance(30_000);
  expect(lines).toEqual([
    "more to do than this node can: requests are refused, the lowest tier first",
    "nobody was refused for ten seconds",
  ]);
});
