import { expect, test } from "bun:test";
import type { CallStage, Transport } from "../adapters/adapter.ts";
import { nextOf } from "../core/poll.ts";
import type { TimeoutWishes } from "../core/timeout-wishes.ts";
import { createRunWorld, delta, type RunWorld } from "./testing/run-world.ts";

/** A vendor that takes the call and says nothing. */
const silence: Transport = (_, signal) =>
  new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

/** What the generation came to when so much time has passed. */
async function after(
  world: RunWorld,
  ms: number,
  stream: boolean,
  timeouts?: TimeoutWishes,
): Promise<string> {
  let result = "runs";
  world.chat({ stream }, timeouts === undefined ? {} : { timeouts }).then(
    () => {
      result = "served";
    },
    (thrown: { code: string; message: string }) => {
      result = `${thrown.code}: ${thrown.message}`;
    },
  );
  await Bun.sleep(2);
  await world.clock.advance(ms);
  await Bun.sleep(2);
  return result;
}

test("a client's clock for the first token ends a call sooner, and is not held against the vendor", async () => {
  const world = createRunWorld();
  world.network = silence;
  expect(await after(world, 2_000, true, { firstTokenMs: 500 })).toBe(
    "vendor_timeout: v did not begin to answer within 500 ms.",
  );
  expect(world.observed).toEqual([{ ok: "unknown" }]);
  expect(world.booked[0]).toMatchObject({ outcome: "failed", charged: 0n });
});

test("the operator's own clock is, also where the client would have waited longer", async () => {
  const world = createRunWorld();
  world.network = silence;
  expect(await after(world, 2_000, true, { firstTokenMs: 3_600_000 })).toBe("runs");
  await world.clock.advance(600_000);
  await Bun.sleep(2);
  expect(world.observed).toMatchObject([{ ok: false, failure: { code: "vendor_timeout" } }]);
});

/** A transport that tells how far a call is, and then nothing more. */
const stopsAt =
  (...stages: readonly CallStage[]): Transport =>
  (call, signal, observer) => {
    for (const stage of stages) observer?.reached(stage);
    return silence(call, signal);
  };

test("a connection that does not come to stand ends by its own clock, which is held against the vendor", async () => {
  const world = createRunWorld();
  world.network = stopsAt("connecting");
  expect(await after(world, 11_000, true)).toBe(
    "vendor_timeout: v could not be connected to within 10000 ms.",
  );
  expect(world.observed).toMatchObject([{ ok: false, failure: { vendorCode: "connect" } }]);
  expect(world.booked[0]).toMatchObject({ outcome: "failed", charged: 0n });
});

test("a client's connect clock is shorter, and is not held against the vendor", async () => {
  for (const stream of [true, false]) {
    const world = createRunWorld();
    world.network = stopsAt("connecting");
    expect(await after(world, 1_000, stream, { connectMs: 500 })).toBe(
      "vendor_timeout: v could not be connected to within 500 ms.",
    );
    expect(world.observed).toEqual([{ ok: "unknown" }]);
  }
});

test("the connect clock is over once the connection stands, and others that end sooner are not held up by it", async () => {
  const world = createRunWorld();
  world.network = stopsAt("connecting", "connected", "sent");
  expect(await after(world, 2_000, true, { connectMs: 500 })).toBe("runs");
  const hasty = createRunWorld();
  hasty.network = stopsAt("connecting");
  expect(await after(hasty, 2_000, true, { firstTokenMs: 500 })).toBe(
    "vendor_timeout: v did not begin to answer within 500 ms.",
  );
});

test("a client's total ends an answer that is read whole", async () => {
  const world = createRunWorld();
  world.network = silence;
  expect(await after(world, 2_000, false, { totalMs: 1_000 })).toBe(
    "vendor_timeout: v did not finish within 1000 ms.",
  );
  expect(world.observed).toEqual([{ ok: "unknown" }]);
});

test("a client's idle clock ends a stream that falls silent, which is charged for what was delivered", async () => {
  const world = createRunWorld();
  world.say(delta("a"));
  const generation = await world.chat({ stream: true }, { timeouts: { idleMs: 300 } });
  if (generation.kind !== "stream") throw new Error("not a stream");
  await nextOf(generation);
  const next = nextOf(generation);
  await Bun.sleep(2);
  await world.clock.advance(2_000);
  expect(await next).toBeNull();
  expect(generation.final).toMatchObject({ outcome: "truncated", error: { code: "stream_truncated" } });
  expect(world.observed).toEqual([{ ok: "unknown" }]);
  expect(world.booked[0]?.charged ?? 0n).toBeGreaterThan(0n);
});
