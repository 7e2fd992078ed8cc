import { expect, test } from "bun:test";
import type { Transport } from "../adapters/adapter.ts";
import { openai } from "../adapters/openai/index.ts";
import type { SluiceError } from "../core/errors.ts";
import { MAX_RETRY_AFTER_MS, READER_STALL_MS } from "../core/limits.ts";
import { nextOf } from "../core/poll.ts";
import { SCAN_MS } from "./deadlines.ts";
import type { StreamGeneration } from "./gateway.ts";
import { createRunWorld, DONE, delta, FINISH, type RunWorld, USAGE } from "./testing/run-world.ts";

async function streamOf(world: RunWorld, signal?: AbortSignal): Promise<StreamGeneration> {
  const generation = await world.stream(signal);
  if (generation.kind !== "stream") throw new Error("not a stream");
  return generation;
}

async function readAll(stream: StreamGeneration): Promise<void> {
  while ((await nextOf(stream)) !== null);
}

/** Lets everything run that waits for nothing but its turn. */
const turns = () => Bun.sleep(2);
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "none",
    (thrown: SluiceError) => thrown.code,
  );

function expectNothingHeld(world: RunWorld): void {
  expect(world.held).toMatchObject({ holds: 0, tickets: 0 });
  expect(world.openCharges.count).toBe(0);
  expect(world.booked).toHaveLength(1);
}

test("a stream that is read to its end is charged what the vendor told", async () => {
  const world = createRunWorld();
  world.say(delta("a") + delta("b") + FINISH + USAGE + DONE);
  world.end();
  await readAll(await streamOf(world));
  expectNothingHeld(world);
  expect(world.booked[0]).toMatchObject({ outcome: "completed", charged: 30_000_000n / 1_000_000n });
});

test("a client that never reads an answer that is over holds nothing", async () => {
  const world = createRunWorld();
  world.say(delta("a") + FINISH + USAGE + DONE);
  world.end();
  await streamOf(world);
  await turns();
  expectNothingHeld(world);
  expect(world.booked[0]?.outcome).toBe("completed");
});

test("a client that stops reading before the last piece holds nothing once the vendor is done", async () => {
  const world = createRunWorld();
  world.say(delta("a"));
  const stream = await streamOf(world);
  await nextOf(stream);
  const next = nextOf(stream);
  world.say(delta("b") + FINISH + USAGE + DONE);
  await next;
  await turns();
  expectNothingHeld(world);
});

test("a client that stops reading while the vendor goes on is taken for gone, and settled", async () => {
  const world = createRunWorld();
  world.say(delta("a"));
  const stream = await streamOf(world);
  await nextOf(stream);
  const next = nextOf(stream);
  world.say(delta("b"));
  await next;
  await world.clock.advance(READER_STALL_MS + 1_000);
  await turns();
  expectNothingHeld(world);
  expect(world.booked[0]?.outcome).toBe("cancelled");
});

test("a stream whose reader breaks fails and gives everything back", async () => {
  const broken = {
    ...openai,
    openStream(...given: Parameters<typeof openai.openStream>) {
      const reader = openai.openStream(...given);
      let pushes = 0;
      return {
        delivered: reader.delivered,
        close: () => reader.close(),
        push(chunk: Uint8Array) {
          pushes += 1;
          if (pushes > 1) throw new RangeError("a bug");
          return reader.push(chunk);
        },
      };
    },
  };
  const world = createRunWorld(broken);
  world.say(delta("a"));
  const stream = await streamOf(world);
  await nextOf(stream);
  world.say(delta("b"));
  await readAll(stream);
  expectNothingHeld(world);
  expect(stream.final?.outcome).toBe("failed");
});

test("a vendor that sends much and says nothing is given up before it fills the memory", async () => {
  const world = createRunWorld();
  const role = `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant"},"finish_reason":null}]}\n\n`;
  for (let megabyte = 0; megabyte < 6; megabyte += 1)
    world.say(role.repeat(Math.ceil(2 ** 20 / role.length)));
  expect(await codeOf(world.stream())).toBe("vendor_unavailable");
  expectNothingHeld(world);
});

test("a usage that was told early does not make the rest of a cancelled answer free", async () => {
  const world = createRunWorld();
  const early = { prompt_tokens: 10, completion_tokens: 1, total_tokens: 11 };
  world.say(delta("a", early));
  const stream = await streamOf(world);
  for (let token = 0; token < 20; token += 1) {
    world.say(delta("abcd"));
    await nextOf(stream);
  }
  stream.cancel();
  await readAll(stream);
  expect(stream.final?.outcome).toBe("cancelled");
  expect(world.booked[0]?.usage.output).toBeGreaterThan(15);
  expect(world.booked[0]?.flags).toContain("usage_estimated");
});

test("a client that leaves while a vendor's place is waited for causes no call", async () => {
  const world = createRunWorld();
  const gate = Promise.withResolvers<void>();
  world.ticketGate = gate.promise;
  const client = new AbortController();
  const refused = codeOf(world.stream(client.signal));
  await turns();
  client.abort();
  gate.resolve();
  expect(await refused).toBe("request_cancelled");
  expect(world.held.calls).toBe(0);
  expectNothingHeld(world);
  expect(world.booked[0]?.charged).toBe(0n as never);
});

test("a client that leaves while a vendor reads the prompt is charged for the prompt, and not when it was refused", async () => {
  const endings: readonly [Transport, boolean][] = [
    [async (_, { reason }) => Promise.reject(reason), true],
    [async () => new Response("no", { status: 500 }), false],
    [async () => Promise.reject(Object.assign(new Error("no"), { code: "ConnectionRefused" })), false],
  ];
  for (const [ending, isCharged] of endings) {
    const world = createRunWorld();
    const client = new AbortController();
    world.network = async (call, signal) => {
      client.abort();
      await world.clock.advance(SCAN_MS);
      return ending(call, signal);
    };
    const code = isCharged ? "request_cancelled" : "vendor_unavailable";
    expect(await codeOf(world.stream(client.signal))).toBe(code);
    expectNothingHeld(world);
    const [record] = world.booked;
    expect((record?.usage.input ?? 0) > 0).toBe(isCharged);
    expect(record?.attempts).toHaveLength(1);
    expect(record?.attempts[0]?.result).toBe(isCharged ? "cancelled" : "failed");
  }
});

test.each([
  [100, false],
  [1_000, true],
])("a call that is given up after %d ms without any answer is charged: %p", async (ms, isCharged) => {
  const world = createRunWorld();
  const client = new AbortController();
  world.network = async (_, signal) => {
    await world.clock.advance(ms);
    client.abort();
    return Promise.reject(signal.reason);
  };
  expect(await codeOf(world.stream(client.signal))).toBe("request_cancelled");
  const [record] = world.booked;
  expect((record?.charged ?? 0n) > 0n).toBe(isCharged);
  expect((record?.loss ?? 0n) > 0n).toBe(!isCharged);
  expect(record?.flags).toContain("usage_estimated");
});

test.each([
  ["connecting", false],
  ["connected", false],
  ["sent", true],
] as const)(
  "a call that is given up when it was %s, by its transport's word, is charged: %p",
  async (stage, isCharged) => {
    const world = createRunWorld();
    const client = new AbortController();
    world.network = async (_, signal, observer) => {
      observer?.reached(stage);
      client.abort();
      await world.clock.advance(stage === "sent" ? SCAN_MS : 1_000);
      return Promise.reject(signal.reason);
    };
    expect(await codeOf(world.stream(client.signal))).toBe("request_cancelled");
    const [record] = world.booked;
    expect((record?.charged ?? 0n) > 0n).toBe(isCharged);
    expect((record?.loss ?? 0n) > 0n).toBe(!isCharged);
  },
);

test("a node that stops ends a request that waits for a vendor's place", async () => {
  const world = createRunWorld();
  const gate = Promise.withResolvers<void>();
  world.ticketGate = gate.promise;
  const refused = codeOf(world.stream());
  await turns();
  world.openCharges.stopAll();
  gate.resolve();
  expect(await refused).toBe("overloaded");
  expect(world.held.calls).toBe(0);
  expectNothingHeld(world);
});

test("a node that stops takes back what it has not given yet: the client may ask elsewhere, and pays for nothing", async () => {
  const world = createRunWorld();
  world.network = (_call, signal, observer) => {
    observer?.reached("sent");
    return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  const refused = world.whole().catch((thrown: SluiceError) => thrown);
  await turns();
  world.openCharges.stopAll();
  expect(await refused).toMatchObject({ code: "overloaded", status: 503, detail: { retryAfterMs: 1_000 } });
  expectNothingHeld(world);
  const [record] = world.booked;
  expect(record).toMatchObject({ outcome: "failed", charged: 0n });
  expect((record?.loss ?? 0n) > 0n).toBe(true);
});

test("a stream that has begun when the node stops is truncated, not cancelled, and costs what was delivered", async () => {
  const world = createRunWorld();
  world.say(delta("a"));
  const stream = await streamOf(world);
  await nextOf(stream);
  world.openCharges.stopAll();
  await readAll(stream);
  expect(stream.final).toMatchObject({ outcome: "truncated", error: { code: "stream_truncated" } });
  expectNothingHeld(world);
  expect(world.booked[0]?.outcome).toBe("truncated");
  expect((world.booked[0]?.charged ?? 0n) > 0n).toBe(true);
});

test("a client that has left when the node stops pays for the prompt all the same", async () => {
  const world = createRunWorld();
  const client = new AbortController();
  world.network = (_call, signal, observer) => {
    observer?.reached("sent");
    client.abort();
    world.openCharges.stopAll();
    return Promise.reject(signal.reason);
  };
  expect(await codeOf(world.whole(client.signal))).toBe("request_cancelled");
  expect((world.booked[0]?.charged ?? 0n) > 0n).toBe(true);
});

test("an answer that cannot be booked costs the tenant nothing, and its request stays open until it is booked", async () => {
  const world = createRunWorld();
  world.diskError = new Error("EIO");
  world.say(delta("a") + FINISH + USAGE + DONE);
  world.end();
  const stream = await streamOf(world);
  await readAll(stream);
  expect(stream.final).toMatchObject({ outcome: "failed", cost: 0n });
  expect(world.openCharges.count).toBe(1);
  await world.clock.advance(5_000);
  expect(world.booked).toHaveLength(0);
  world.diskError = undefined;
  await turns();
  await world.clock.advance(2_000);
  await turns();
  expectNothingHeld(world);
  expect(world.booked[0]).toMatchObject({ outcome: "failed", charged: 0n, loss: 30n });
  expect(world.booked[0]?.flags).toEqual(["platform_loss"]);
  expect(world.held.refunded).toBe(30n);
});

test("an answer whose usage was told before its last words, and never again, is charged for these too", async () => {
  const world = createRunWorld();
  world.say(delta("a", { prompt_tokens: 10, completion_tokens: 1, total_tokens: 11 }));
  world.say(delta("b") + delta("c") + FINISH + DONE);
  world.end();
  await readAll(await streamOf(world));
  expect(world.booked[0]).toMatchObject({
    outcome: "completed",
    usage: { input: 10, output: 3 },
    charged: 40n,
    flags: ["usage_estimated"],
  });
});

test("no vendor's wait sends a client away for longer than it keeps a key from being used", async () => {
  const world = createRunWorld();
  const headers = { "retry-after": "99999999999" };
  world.network = async () =>
    Response.json({ error: { type: "rate_limit_error" } }, { status: 429, headers });
  const refused = await world.whole().catch((thrown: SluiceError) => thrown);
  expect(refused).toMatchObject({
    code: "rate_limit_exceeded",
    detail: { retryAfterMs: MAX_RETRY_AFTER_MS },
  });
});
