import { describe, expect, test } from "bun:test";
import { silentLog } from "../../core/log.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import { type KeptProcess, keepRunning, type ServingProcess } from "./kept-process.ts";

/** Processes that a test ends when it wants to. */
function world() {
  const clock = new ManualClock();
  const launched: { readonly end: (how: string) => void; readonly signals: string[] }[] = [];
  let failing = 0;
  const launch = async (): Promise<ServingProcess> => {
    if (failing > 0) {
      failing -= 1;
      throw new Error("not now");
    }
    const over = Promise.withResolvers<string>();
    const signals: string[] = [];
    launched.push({ end: over.resolve, signals });
    return {
      pid: launched.length,
      exited: over.promise,
      signal(name) {
        signals.push(name);
        if (name === "SIGKILL") over.resolve(name);
      },
    };
  };
  const last = () => {
    const found = launched.at(-1);
    if (found === undefined) throw new Error("nothing was launched");
    return found;
  };
  return {
    clock,
    last,
    count: () => launched.length,
    fail: (times: number) => {
      failing = times;
    },
    keep: () => keepRunning({ name: "it", launch, clock, log: silentLog }),
  };
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};
const pass = async (clock: ManualClock, ms: number): Promise<void> => {
  await clock.advance(ms);
  await turns();
};

describe("a kept process", () => {
  test("is started again when it dies, later each time that it dies soon", async () => {
    const { clock, last, count, keep } = world();
    const kept = await keep();
    const delays = [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000];
    for (const [deaths, delay] of delays.entries()) {
      last().end("SIGKILL");
      await turns();
      expect(kept.pid()).toBeUndefined();
      await pass(clock, delay - 1);
      expect(count()).toBe(deaths + 1);
      await pass(clock, 1);
      expect(kept.pid()).toBe(deaths + 2);
    }
    await pass(clock, 10_001);
    last().end("SIGKILL");
    await turns();
    await pass(clock, 100);
    expect(count()).toBe(delays.length + 2);
  });

  test("is tried again while it does not start, but not the first time", async () => {
    const { clock, last, count, fail, keep } = world();
    fail(1);
    await expect(keep()).rejects.toThrow("not now");
    const kept = await keep();
    fail(2);
    last().end("status 1");
    await turns();
    await pass(clock, 100);
    await pass(clock, 200);
    expect(kept.pid()).toBeUndefined();
    await pass(clock, 400);
    expect(count()).toBe(2);
    expect(kept.pid()).toBe(2);
  });

  test("is asked to end, and killed when it does not", async () => {
    const { clock, last, keep } = world();
    const patient: KeptProcess = await keep();
    const stopping = patient.stop(1_000);
    await turns();
    expect(last().signals).toEqual(["SIGTERM"]);
    await pass(clock, 1_000);
    await stopping;
    expect(last().signals).toEqual(["SIGTERM", "SIGKILL"]);
  });

  test("is not started again once it was stopped, though it had just died", async () => {
    const { clock, last, count, keep } = world();
    const kept = await keep();
    last().end("SIGSEGV");
    await turns();
    await kept.stop(1_000);
    await pass(clock, 60_000);
    expect(count()).toBe(1);
  });
});
