import { expect, test } from "bun:test";
import { systemClock } from "../core/clock.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { busSuite } from "./bus.suite.ts";
import { createInProcessBus } from "./in-process.ts";

busSuite("in process", async () => {
  const bus = createInProcessBus({ clock: systemClock });
  return {
    bus,
    other: bus,
    settle: () => new Promise((resolve) => setImmediate(resolve)),
    close: () => bus.close(),
  };
});

test("timeouts follow the given clock", async () => {
  const clock = new ManualClock();
  const bus = createInProcessBus({ clock });
  bus.serve("never", () => new Promise(() => {}));
  const asked = bus.request("never", 1, { timeoutMs: 1_000 }).catch((thrown: unknown) => thrown);
  await clock.advance(999);
  expect(await Promise.race([asked, Promise.resolve("waiting")])).toBe("waiting");
  await clock.advance(1);
  expect(await asked).toMatchObject({ kind: "timeout" });
});

test("a request is never answered in the caller's own stack", async () => {
  const bus = createInProcessBus({ clock: new ManualClock() });
  let isServed = false;
  bus.serve("ask", async () => {
    isServed = true;
  });
  const asked = bus.request("ask", 1, { timeoutMs: 1_000 });
  expect(isServed).toBe(false);
  await asked;
  expect(isServed).toBe(true);
});

test("a subscriber that throws does not keep the message from the others", async () => {
  const failures: unknown[] = [];
  const bus = createInProcessBus({ clock: new ManualClock(), onError: (thrown) => failures.push(thrown) });
  const seen: unknown[] = [];
  bus.subscribe("news", () => {
    throw new Error("broken subscriber");
  });
  bus.subscribe("news", (payload) => void seen.push(payload));
  bus.publish("news", 1);
  await Promise.resolve();
  await Promise.resolve();
  expect(seen).toEqual([1]);
  expect(failures).toHaveLength(1);
});
