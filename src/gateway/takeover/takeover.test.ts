import { expect, test } from "bun:test";
import type { Transport } from "../../adapters/adapter.ts";
import { deepseek } from "../../adapters/deepseek/index.ts";
import { openai } from "../../adapters/openai/index.ts";
import type { CallSignal } from "../../core/call-signal.ts";
import { READER_STALL_MS } from "../../core/limits.ts";
import { nextOf } from "../../core/poll.ts";
import type { GenerateOptions, StreamGeneration } from "../gateway.ts";
import { createRunWorld, DONE, delta, FINISH, type RunWorld, runRoute, USAGE } from "../testing/run-world.ts";

const REST = delta("c") + FINISH + USAGE + DONE;
const chunk = (part: object): string =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: part, finish_reason: null }] })}\n\n`;
const reasoning = (text: string): string => chunk({ reasoning_content: text });
const toolCall = chunk({
  tool_calls: [{ index: 0, id: "c1", type: "function", function: { name: "f", arguments: "{" } }],
});
const errorFrame = (code: string): string =>
  `data: ${JSON.stringify({ error: { message: "no", type: "server_error", code } })}\n\n`;

/** What a vendor does: says this and then closes, fails, or falls silent. */
type Act = string | "silent" | "refused";

/** Vendors `a`, `b` and `c`, each with a list of what it does, call by call. */
function relay(acts: Readonly<Record<string, readonly Act[]>>, adapter = openai) {
  const routes = Object.keys(acts).map((name) => runRoute(name, adapter, { input: 1n, output: 10n }));
  const world = createRunWorld(openai, routes);
  const calls: {
    readonly vendor: string;
    readonly body: { messages: { role: string; content: string }[]; max_tokens: number };
  }[] = [];
  const counts = new Map<string, number>();
  const network: Transport = async (call, signal) => {
    const vendor = new URL(call.url).hostname.replace(".test", "");
    calls.push({ vendor, body: JSON.parse(String(call.body)) });
    const count = counts.get(vendor) ?? 0;
    counts.set(vendor, count + 1);
    const act = acts[vendor]?.[count] ?? "refused";
    if (act === "refused") return new Response("{}", { status: 503 });
    const [said = "", isSilent] = act.split("…");
    return new Response(bodyOf(said, isSilent !== undefined, signal));
  };
  world.network = network;
  return { world, calls };
}

function bodyOf(said: string, isSilent: boolean, signal: CallSignal): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      if (said !== "") controller.enqueue(Buffer.from(said));
      if (!isSilent) controller.close();
      else signal.addEventListener("abort", () => controller.error(signal.reason));
    },
  });
}

/** Falls silent where it stands. */
const SILENCE = "…";

async function open(world: RunWorld, body: object = {}, options: Partial<GenerateOptions> = {}) {
  const stream = await world.chat({ stream: true, ...body }, options);
  if (stream.kind !== "stream") throw new Error("not a stream");
  return stream;
}

async function read(stream: StreamGeneration): Promise<string> {
  let text = "";
  for (let passage = await nextOf(stream); passage !== null; passage = await nextOf(stream)) {
    text += Buffer.from(passage.bytes ?? []).toString("utf8");
  }
  return text;
}

const textIn = (frames: string): string =>
  [...frames.matchAll(/^data: (.*)$/gm)]
    .map(([, data]) => JSON.parse(data ?? "").choices[0].delta.content ?? "")
    .join("");

const turns = () => Bun.sleep(2);

function expectNothingHeld({ held, openCharges, booked }: RunWorld): void {
  expect(held).toMatchObject({ holds: 0, tickets: 0 });
  expect(openCharges.count).toBe(0);
  expect(booked).toHaveLength(1);
}

const resultsOf = ({ booked: [record] }: RunWorld): unknown[] =>
  (record?.attempts ?? []).map(({ vendor, result, cost }) => [String(vendor), result, cost !== undefined]);

const AB = delta("a") + delta("b");

test.each([
  ["closes", AB],
  ["says that it failed", AB + errorFrame("server_error")],
])("a vendor that %s is followed by the next one, under the first one's names", async (_, said) => {
  const { world, calls } = relay({ a: [said], b: [REST.replaceAll('"id":"c"', '"id":"other"')] });
  const stream = await open(world);
  const frames = await read(stream);
  expect(textIn(frames)).toBe("abc");
  expect(frames).not.toContain("other");
  expect(resultsOf(world)).toEqual([
    ["a", "failed", true],
    ["b", "served", true],
  ]);
  expect(stream.final).toMatchObject({ outcome: "completed", vendor: "b", vendors: ["a", "b"] });
  expect(calls[1]?.body.messages.at(-2)).toEqual({ role: "assistant", content: "ab" });
  expectNothingHeld(world);
});

test("a vendor that falls silent is followed when its clock runs out", async () => {
  const { world } = relay({ a: [AB + SILENCE], b: [REST] });
  const stream = await open(world);
  const reading = read(stream);
  await turns();
  await world.clock.advance(61_000);
  expect(textIn(await reading)).toBe("abc");
  expect(world.booked[0]?.attempts[0]).toMatchObject({ errorCode: "vendor_timeout", vendorCode: "idle" });
});

test("the next vendor is limited to what the client's limit leaves", async () => {
  const words = Array.from({ length: 10 }, () => delta("word")).join("");
  const { world, calls } = relay({ a: [words], b: [REST] });
  await read(await open(world, { max_tokens: 30 }));
  expect(calls[1]?.body.max_tokens).toBe(20);
});

test("a candidate that cannot go on is passed over for the one after it", async () => {
  const { world } = relay({ a: [AB], b: ["refused"], c: [REST] });
  expect(textIn(await read(await open(world)))).toBe("abc");
  expect(resultsOf(world)).toEqual([
    ["a", "failed", true],
    ["b", "failed", false],
    ["c", "served", true],
  ]);
});

test("an answer may pass through three vendors", async () => {
  const { world, calls } = relay({ a: [delta("a")], b: [delta("b")], c: [REST] });
  const stream = await open(world);
  expect(textIn(await read(stream))).toBe("abc");
  expect(calls[2]?.body.messages.at(-2)?.content).toBe("ab");
  expect(stream.final?.vendors?.map(String)).toEqual(["a", "b", "c"]);
  const { attempts = [], charged } = world.booked[0] ?? {};
  expect(attempts.reduce((sum, { cost = 0n }) => sum + cost, 0n)).toBe(charged ?? -1n);
});

test("an answer changes its vendor twice at most", async () => {
  const { world, calls } = relay({ a: [delta("a")], b: [delta("b")], c: [delta("c")], d: [REST] });
  const stream = await open(world);
  expect(textIn(await read(stream))).toBe("abc");
  expect(stream.final?.outcome).toBe("truncated");
  expect(calls).toHaveLength(3);
});

test.each<[string, Record<string, readonly Act[]>]>([
  ["there is nobody else", { a: [AB] }],
  ["nobody else is there", { a: [AB], b: ["refused"] }],
])("an answer is truncated as ever when %s", async (_, acts) => {
  const { world } = relay(acts);
  const stream = await open(world);
  expect(textIn(await read(stream))).toBe("ab");
  expect(stream.final).toMatchObject({ outcome: "truncated", vendor: "a" });
  expect(stream.final?.vendors).toBeUndefined();
  expect(world.booked[0]?.charged).toBeGreaterThan(0n);
  expectNothingHeld(world);
});

test("what a vendor held back at the seam is shown when it is the last one", async () => {
  const whole = delta("The quick brown fox jumps over");
  const { world } = relay({ a: [whole], b: [delta(" fox")] });
  expect(textIn(await read(await open(world)))).toBe("The quick brown fox jumps over fox");
});

test.each<[string, string, object]>([
  ["a tool call has begun", delta("a") + toolCall, {}],
  ["the answer is in a form", AB, { response_format: { type: "json_object" } }],
  ["there are several answers", AB, { n: 2 }],
  ["log probabilities are wanted", AB, { logprobs: true }],
  [
    "the request was refused in the middle",
    AB + errorFrame("content_policy_violation").replace("server_error", "invalid_request_error"),
    {},
  ],
])("nobody goes on when %s", async (_, said, body) => {
  const { world, calls } = relay({ a: [said], b: [REST] });
  const stream = await open(world, body);
  await read(stream);
  expect(calls).toHaveLength(1);
  expect(["truncated", "failed"]).toContain(stream.final?.outcome ?? "");
  expectNothingHeld(world);
});

test("a tool call that comes after a takeover goes out whole", async () => {
  const { world } = relay({
    a: [AB],
    b: [toolCall + FINISH.replace('"stop"', '"tool_calls"') + USAGE + DONE],
  });
  const stream = await open(world, { tools: [{ type: "function", function: { name: "f" } }] });
  const frames = await read(stream);
  expect(frames).toContain('"tool_calls":[{"index":0,"id":"c1","type":"function"');
  expect(stream.final).toMatchObject({ outcome: "completed", finishReason: "tool_calls" });
});

test.each([{}, { response_format: { type: "json_object" } }])(
  "after nothing but reasoning the answer is begun anew, and no reasoning is shown twice (%j)",
  async (body) => {
    const { world, calls } = relay({ a: [reasoning("hm")], b: [reasoning("ha") + REST] });
    const frames = await read(await open(world, body));
    expect(frames).toContain('"hm"');
    expect(frames).not.toContain('"ha"');
    expect(textIn(frames)).toBe("c");
    expect(calls[1]?.body.messages).toEqual(calls[0]?.body.messages as never);
    expect(world.booked[0]?.usage.reasoning).toBeGreaterThan(0);
  },
);

test("an answer whose end was named is whole, though its vendor was cut before it told the usage", async () => {
  const { world, calls } = relay({ a: [AB + FINISH], b: [REST] });
  const stream = await open(world);
  await read(stream);
  expect(calls).toHaveLength(1);
  expect(stream.final).toMatchObject({ outcome: "completed", finishReason: "stop" });
  expect(world.booked[0]?.flags).toEqual(["usage_estimated"]);
});

test.each([
  ["never", false],
  ["before:2", false],
  ["before:3", true],
  ["always", true],
] as const)("with the policy %s an answer of two tokens is taken over: %p", async (takeover, isTaken) => {
  const { world } = relay({ a: [AB], b: [REST] });
  const stream = await open(world, {}, { takeover });
  await read(stream);
  expect(stream.final?.outcome).toBe(isTaken ? "completed" : "truncated");
});

test("with the policy never, an answer without its end marker is truncated, whatever it named", async () => {
  const { world } = relay({ a: [AB + FINISH], b: [REST] });
  const stream = await open(world, {}, { takeover: "never" });
  await read(stream);
  expect(stream.final?.outcome).toBe("truncated");
});

test("a vendor that goes on by a prefix is asked at its own address", async () => {
  const { world, calls } = relay({ a: [AB], b: [REST] }, deepseek);
  await read(await open(world));
  expect(calls[1]?.body.messages.at(-1)).toEqual({ role: "assistant", content: "ab", prefix: true } as never);
});

test("a client that leaves while the next vendor is called is charged for what it got and for that prompt", async () => {
  const { world } = relay({ a: [AB], b: [SILENCE] });
  const stream = await open(world);
  await nextOf(stream);
  const next = nextOf(stream);
  await turns();
  await world.clock.advance(1_000);
  stream.cancel();
  while ((await next) !== null && (await nextOf(stream)) !== null);
  expect(stream.final?.outcome).toBe("cancelled");
  expect(resultsOf(world)).toEqual([
    ["a", "failed", true],
    ["b", "cancelled", true],
  ]);
  expectNothingHeld(world);
});

test("a client that never reads holds nothing once the second vendor is done, or has waited for it", async () => {
  const dead = AB + errorFrame("server_error");
  const done = relay({ a: [dead], b: [REST] }).world;
  await open(done);
  await turns();
  expectNothingHeld(done);
  expect(done.booked[0]?.outcome).toBe("completed");

  const waiting = relay({ a: [dead], b: [delta("c") + SILENCE] }).world;
  await open(waiting);
  await turns();
  await waiting.clock.advance(READER_STALL_MS + 1_000);
  await turns();
  expectNothingHeld(waiting);
  expect(waiting.booked[0]?.outcome).toBe("cancelled");
});

test("a node that stops while the next vendor is called ends the answer", async () => {
  const { world } = relay({ a: [AB], b: [SILENCE] });
  const stream = await open(world);
  await turns();
  world.openCharges.stopAll();
  await read(stream);
  expect(stream.final?.outcome).toBe("truncated");
  expectNothingHeld(world);
});

test("an answer whose second vendor fails in the end costs the client nothing of either", async () => {
  const { world } = relay({ a: [AB], b: [delta("c") + errorFrame("server_error")] });
  const stream = await open(world);
  expect(textIn(await read(stream))).toBe("abc");
  expect(stream.final?.outcome).toBe("failed");
  expect(world.booked[0]?.charged).toBe(0n as never);
});
