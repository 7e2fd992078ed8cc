import { expect, test } from "bun:test";
import { openai } from "../../adapters/openai/index.ts";
import type { HedgeSettings } from "../../core/hedge-settings.ts";
import { micropointsOf } from "../../core/points.ts";
import { nextOf } from "../../core/poll.ts";
import type { StreamGeneration } from "../gateway.ts";
import { createRunWorld, DONE, delta, FINISH, type RunWorld, runRoute, USAGE } from "../testing/run-world.ts";

const REST = FINISH + USAGE + DONE;
const turns = () => Bun.sleep(2);

/** Vendors `a`, `b` and `c` whose answers a test lets out; `a` is known to begin within about a second. */
function slowWorld(hedge: Partial<HedgeSettings> = {}) {
  const names = ["a", "b", "c"];
  const world = createRunWorld(
    openai,
    names.map((name) => runRoute(name, openai, { input: name === "a" ? 1n : 3n, output: 10n })),
  );
  world.routing = { ...world.routing, hedge: { enabled: true, percentile: "p95", ...hedge } };
  const gates = new Map<string, PromiseWithResolvers<Response>>();
  const called: string[] = [];
  const aborted: string[] = [];
  const gateOf = (name: string) => {
    const gate = gates.get(name) ?? Promise.withResolvers<Response>();
    gates.set(name, gate);
    return gate;
  };
  world.network = (call, signal) => {
    const name = new URL(call.url).hostname.replace(".test", "");
    called.push(name);
    signal.addEventListener("abort", () => {
      aborted.push(name);
      gateOf(name).reject(signal.reason);
    });
    return gateOf(name).promise;
  };
  const [a, b] = names.map((name) => runRoute(name, openai, { input: 1n, output: 1n }));
  for (let calls = 0; calls < 100; calls += 1) {
    if (a !== undefined) world.hedging.began(a, 1_000);
    if (b !== undefined) world.hedging.began(b, 1_000);
    world.hedging.asked();
  }
  const answer = (name: string, text = delta(name) + REST) => gateOf(name).resolve(new Response(text));
  return { world, called, aborted, answer };
}

async function read(
  promise: ReturnType<RunWorld["chat"]>,
): Promise<{ text: string; stream: StreamGeneration }> {
  const stream = await promise;
  if (stream.kind !== "stream") throw new Error("not a stream");
  let text = "";
  for (let passage = await nextOf(stream); passage !== null; passage = await nextOf(stream)) {
    text += Buffer.from(passage.bytes ?? []).toString("utf8");
  }
  return { text: text.match(/"content":"(\w)"/)?.[1] ?? "", stream };
}

function expectNothingHeld({ held, openCharges, booked }: RunWorld): void {
  expect(held).toMatchObject({ holds: 0, tickets: 0 });
  expect(openCharges.count).toBe(0);
  expect(booked).toHaveLength(1);
}

const attemptsOf = ({ booked: [record] }: RunWorld): unknown[] =>
  (record?.attempts ?? []).map(({ vendor, result, cost }) => [String(vendor), result, cost !== undefined]);

test("a vendor that is slower than usual is given company, and loses; its prompt is in the receipt", async () => {
  const { world, called, aborted, answer } = slowWorld();
  const reading = read(world.chat({ stream: true }));
  await turns();
  expect(called).toEqual(["a"]);
  await world.clock.advance(2_000);
  await turns();
  expect(called).toEqual(["a", "b"]);
  answer("b");
  const { text, stream } = await reading;
  expect(text).toBe("b");
  expect(aborted).toContain("a");
  expect(stream.started).toMatchObject({ vendor: "b", attempts: 2 });
  expect(attemptsOf(world)).toEqual([
    ["a", "cancelled", true],
    ["b", "served", true],
  ]);
  const [record] = world.booked;
  // 20 tokens were held for the prompt, of which 10 are likely; the winner told 10 and 2.
  expect(record?.attempts.map(({ cost }) => cost)).toEqual([micropointsOf(10n), micropointsOf(50n)]);
  expect(record?.charged).toBe(micropointsOf(60n));
  expect(stream.final?.vendors).toBeUndefined();
  expectNothingHeld(world);
});

test("the first vendor may still win, and the second pays for its place", async () => {
  const { world, aborted, answer } = slowWorld();
  const reading = read(world.chat({ stream: true }));
  await turns();
  await world.clock.advance(2_000);
  await turns();
  await world.clock.advance(1_000);
  answer("a");
  expect((await reading).text).toBe("a");
  expect(aborted).toContain("b");
  expect(attemptsOf(world)).toEqual([
    ["b", "cancelled", true],
    ["a", "served", true],
  ]);
  expectNothingHeld(world);
});

test("a vendor that begins in its usual time is left alone", async () => {
  const { world, called, answer } = slowWorld();
  const reading = read(world.chat({ stream: true }));
  await world.clock.advance(900);
  answer("a");
  expect((await reading).text).toBe("a");
  await world.clock.advance(5_000);
  expect(called).toEqual(["a"]);
});

test("a place that comes when the first has begun is given back without a call", async () => {
  const { world, called, answer } = slowWorld();
  const reading = read(world.chat({ stream: true }));
  await turns();
  const gate = Promise.withResolvers<void>();
  world.ticketGate = gate.promise;
  await world.clock.advance(2_000);
  await turns();
  answer("a");
  await turns();
  gate.resolve();
  expect((await reading).text).toBe("a");
  expect(called).toEqual(["a"]);
  expect(attemptsOf(world)).toEqual([["a", "served", false]]);
  expectNothingHeld(world);
});

test("when one of two vendors fails the other one serves, and when both do the third", async () => {
  for (const [failing, text] of [
    [["a"], "b"],
    [["b"], "a"],
    [["a", "b"], "c"],
    [["b", "a"], "c"],
  ] as const) {
    const { world, answer, called } = slowWorld();
    const reading = read(world.chat({ stream: true }));
    await turns();
    await world.clock.advance(2_000);
    await turns();
    for (const name of failing) {
      answer(name, "");
      await turns();
    }
    answer(text);
    expect((await reading).text).toBe(text);
    expect(attemptsOf(world).toSorted()).toEqual(
      [...failing.map((name) => [name, "failed", false]).toSorted(), [text, "served", false]].toSorted(),
    );
    expect(called).toHaveLength(failing.length === 2 ? 3 : 2);
    expectNothingHeld(world);
  }
});

const poor = (world: RunWorld): void => {
  world.balance = 900n;
};

test.each<[string, Partial<HedgeSettings>, object, { hedge?: boolean }, (world: RunWorld) => void]>([
  ["it is off", { enabled: false }, {}, {}, () => {}],
  ["the client wants none", {}, {}, { hedge: false }, () => {}],
  ["the second call would cost too much", { maxExtraCost: micropointsOf(100n) }, {}, {}, () => {}],
  ["the vendor would keep what it answers", {}, { store: true }, {}, () => {}],
  ["the balance covers only one", {}, {}, {}, poor],
  [
    "all second calls were made",
    {},
    {},
    {},
    ({ hedging }) => {
      while (hedging.take());
    },
  ],
])("nobody is asked beside a slow vendor when %s", async (_, settings, body, options, prepare) => {
  const { world, called, answer } = slowWorld(settings);
  prepare(world);
  const reading = read(world.chat({ stream: true, ...body }, { takeover: "never", ...options }));
  await turns();
  await world.clock.advance(5_000);
  await turns();
  expect(called).toEqual(["a"]);
  answer("a");
  await reading;
  expectNothingHeld(world);
});

test("a client may ask for it where it is off", async () => {
  const { world, called, answer } = slowWorld({ enabled: false });
  const reading = read(world.chat({ stream: true }, { hedge: true }));
  await turns();
  await world.clock.advance(2_000);
  await turns();
  expect(called).toEqual(["a", "b"]);
  answer("b");
  await reading;
});

test("a client that leaves while two vendors are asked is charged for both prompts", async () => {
  const { world } = slowWorld();
  const client = new AbortController();
  const refused = world.chat({ stream: true }, { signal: client.signal }).then(
    () => "none",
    (thrown: { code?: string }) => thrown.code,
  );
  await turns();
  await world.clock.advance(2_000);
  await turns();
  await world.clock.advance(1_000);
  client.abort();
  expect(await refused).toBe("request_cancelled");
  await turns();
  expect(attemptsOf(world)).toEqual([
    ["a", "cancelled", true],
    ["b", "cancelled", true],
  ]);
  expect(world.booked[0]?.charged).toBe(micropointsOf(10n + 30n));
  expectNothingHeld(world);
});

test("whoever won is followed when it dies, by the candidate after both", async () => {
  const { world, answer } = slowWorld();
  const reading = read(world.chat({ stream: true }));
  await turns();
  await world.clock.advance(2_000);
  await turns();
  answer("c");
  answer("b", delta("b"));
  const { stream } = await reading;
  expect(stream.final).toMatchObject({ outcome: "completed", vendors: ["b", "c"] });
  expect(attemptsOf(world)).toEqual([
    ["a", "cancelled", true],
    ["b", "failed", true],
    ["c", "served", true],
  ]);
  const { attempts = [], charged } = world.booked[0] ?? {};
  expect(attempts.reduce((sum, { cost = 0n }) => sum + cost, 0n)).toBe(charged ?? -1n);
  expectNothingHeld(world);
});
