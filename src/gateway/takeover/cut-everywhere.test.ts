import { describe, expect, test } from "bun:test";
import type { Adapter, Passage, StreamMode, Transport, VendorCall } from "../../adapters/adapter.ts";
import { createAnthropic } from "../../adapters/anthropic/index.ts";
import { deepseek } from "../../adapters/deepseek/index.ts";
import { openai } from "../../adapters/openai/index.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import { nextOf } from "../../core/poll.ts";
import type { UsageRecord } from "../../ledger/records.ts";
import type { StreamGeneration } from "../gateway.ts";
import { createRunWorld, runRoute } from "../testing/run-world.ts";

const anthropic = createAnthropic(new ManualClock());

/** What both vendors say: numbered, so that a missing or doubled piece is seen; spaces and characters of many bytes. */
const WORDS = ["w0001 ", "w0002", " é0003", " 😀", "\n\n", "w0004 ", '"w\\5" ', "w0006"];
const TEXT = WORDS.join("");
/** How many tokens each vendor counts for a prompt. */
const PROMPT = 7;

type Names = { readonly id: string; readonly model: string };

const openaiChunk = ({ id, model }: Names, delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({ id, object: "chat.completion.chunk", created: 1, model, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;

function openaiStream(names: Names, pieces: readonly string[], reasoning: readonly string[] = []): string {
  const usage = {
    prompt_tokens: PROMPT,
    completion_tokens: pieces.length,
    total_tokens: PROMPT + pieces.length,
  };
  return [
    openaiChunk(names, { role: "assistant", content: "" }),
    ...reasoning.map((text) => openaiChunk(names, { reasoning_content: text })),
    ...pieces.map((content) => openaiChunk(names, { content })),
    openaiChunk(names, {}, "stop"),
    `data: ${JSON.stringify({ ...names, object: "chat.completion.chunk", created: 1, choices: [], usage })}\n\n`,
    "data: [DONE]\n\n",
  ].join("");
}

function anthropicStream(names: Names, pieces: readonly string[]): string {
  const event = (type: string, data: object) =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
  return [
    event("message_start", { message: { ...names, usage: { input_tokens: PROMPT, output_tokens: 1 } } }),
    event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
    ...pieces.map((text) => event("content_block_delta", { index: 0, delta: { type: "text_delta", text } })),
    event("content_block_stop", { index: 0 }),
    event("message_delta", { delta: { stop_reason: "end_turn" }, usage: { output_tokens: pieces.length } }),
    event("message_stop", {}),
  ].join("");
}

interface Vendor {
  readonly adapter: Adapter;
  readonly model: string;
  stream(names: Names, pieces: readonly string[]): string;
}
const OPENAI: Vendor = { adapter: openai, model: "gpt", stream: openaiStream };
const DEEPSEEK: Vendor = { adapter: deepseek, model: "deepseek-chat", stream: openaiStream };
const ANTHROPIC: Vendor = { adapter: anthropic, model: "claude-sonnet-4-5", stream: anthropicStream };
const THINKING: Vendor = {
  ...DEEPSEEK,
  stream: (names, pieces) => openaiStream(names, pieces, ["hm", " so"]),
};

/** What the second vendor was given of the answer. */
function givenIn(call: VendorCall): { readonly text: string; readonly anchor: string } {
  const { messages } = JSON.parse(String(call.body)) as { messages: { role: string; content: string }[] }; // sent by us
  const answer = messages.findLast(({ role }) => role === "assistant");
  const last = messages.at(-1);
  return {
    text: answer?.content ?? "",
    anchor: last?.role === "user" ? (/which are:\n(.*)$/s.exec(last.content)?.[1] ?? "") : "",
  };
}

/** The rest of the text in pieces of three units, as another tokenizer would have it. */
function restAfter(given: string, repeats: string): string[] {
  if (!TEXT.startsWith(given)) throw new Error(`was given what nobody said: ${JSON.stringify(given)}`);
  return (repeats + TEXT.slice(given.length)).match(/.{1,3}/gsu) ?? [];
}

type Death = "closes" | "breaks";

function bodyOf(text: Uint8Array, death: Death): ReadableStream<Uint8Array> {
  let isSent = false;
  return new ReadableStream({
    pull(controller) {
      if (!isSent && text.length > 0) controller.enqueue(text);
      else if (death === "closes") controller.close();
      else controller.error(new Error("reset"));
      isSent = true;
    },
  });
}

interface Cast {
  readonly first: Vendor;
  readonly second: Vendor;
  readonly mode: StreamMode;
  readonly death: Death;
  /** The second repeats what it was asked to repeat. */
  readonly isObedient: boolean;
}

interface Seen {
  readonly text: string;
  readonly reasoning: string;
  readonly finishes: number;
  readonly roles: number;
  readonly names: readonly string[];
  readonly record: UsageRecord;
  readonly stream: StreamGeneration;
  readonly calls: number;
}

async function run({ first, second, mode, death, isObedient }: Cast, sent: Uint8Array): Promise<Seen> {
  const world = createRunWorld(openai, [
    { ...runRoute("a", first.adapter, { input: 1n, output: 10n }), model: first.model },
    { ...runRoute("b", second.adapter, { input: 3n, output: 7n }), model: second.model },
  ]);
  const network: Transport = async (call) => {
    if (call.url.startsWith("http://a.")) return new Response(bodyOf(sent, death));
    const { text, anchor } = givenIn(call);
    const whole = second.stream({ id: "second", model: "sm" }, restAfter(text, isObedient ? anchor : ""));
    return new Response(bodyOf(Buffer.from(whole), "closes"));
  };
  world.network = network;
  const stream = await world.chat({ stream: true }, { mode });
  if (stream.kind !== "stream") throw new Error("not a stream");
  const passages: Passage[] = [];
  for (let passage = await nextOf(stream); passage !== null; passage = await nextOf(stream))
    passages.push(passage);
  const [record] = world.booked;
  if (record === undefined || world.booked.length !== 1) throw new Error(`${world.booked.length} records`);
  expect(world.held).toMatchObject({ holds: 0, tickets: 0 });
  expect(world.openCharges.count).toBe(0);
  const about = { record, stream, calls: world.held.calls };
  return { ...(mode === "events" ? eventsSeen(passages) : framesSeen(passages)), ...about };
}

type Shown = Pick<Seen, "text" | "reasoning" | "finishes" | "roles" | "names">;

function eventsSeen(passages: readonly Passage[]): Shown {
  const events = passages.flatMap((passage) => passage.events);
  const textOf = (type: string) =>
    events.map((event) => (event.type === type && "text" in event ? event.text : "")).join("");
  const finishes = events.filter(({ type }) => type === "finish").length;
  return { text: textOf("text"), reasoning: textOf("reasoning"), finishes, roles: 1, names: ["-"] };
}

function framesSeen(passages: readonly Passage[]): Shown {
  const bytes = Buffer.concat(passages.flatMap((passage) => passage.bytes ?? []));
  const chunks = [...bytes.toString("utf8").matchAll(/^data: (.*)$/gm)].map(([, data]) =>
    JSON.parse(data ?? ""),
  );
  const choices = chunks.map(({ choices: [choice] }) => choice);
  return {
    text: choices.map(({ delta }) => delta.content ?? "").join(""),
    reasoning: choices.map(({ delta }) => delta.reasoning_content ?? "").join(""),
    finishes: choices.filter(({ finish_reason }) => finish_reason !== null).length,
    roles: choices.filter(({ delta }) => delta.role !== undefined).length,
    names: [...new Set(chunks.map(({ id, model, object, created }) => [id, model, object, created].join()))],
  };
}

/** What must hold wherever the first vendor was cut. */
async function expectOneAnswer(cast: Cast, sent: Uint8Array): Promise<Seen> {
  const seen = await run(cast, sent);
  const { record, stream } = seen;
  expect(seen.text).toBe(TEXT);
  expect([seen.finishes, seen.roles, seen.names.length]).toEqual([1, 1, 1]);
  expect(record.outcome).toBe("completed");
  expect(record.loss).toBe(0n as never);
  const consumed = record.attempts.filter(({ cost }) => cost !== undefined);
  if (consumed.length > 0) {
    expect(consumed.map(({ vendor }) => String(vendor))).toEqual(["a", "b"]);
    expect(consumed.reduce((sum, { cost = 0n }) => sum + cost, 0n)).toBe(record.charged);
    expect(consumed.reduce((sum, { usage }) => sum + (usage?.output ?? 0), 0)).toBe(record.usage.output);
    // The first never told: estimated at its own price. The second's word counts, at its own.
    expect(record.flags).toEqual(["usage_estimated"]);
    const [a, b] = consumed;
    expect(a?.cost).toBe((BigInt(a?.usage?.input ?? 0) + 10n * BigInt(a?.usage?.output ?? 0)) as never);
    expect(b?.usage).toMatchObject({ input: PROMPT });
    expect(b?.cost).toBe((3n * BigInt(PROMPT) + 7n * BigInt(b?.usage?.output ?? 0)) as never);
    expect(stream.final?.vendors?.map(String)).toEqual(["a", "b"]);
  }
  return seen;
}

const FIRST = { id: "first", model: "fm" };
const MODES: readonly StreamMode[] = ["passthrough", "events"];
const CASTS: readonly [string, Pick<Cast, "first" | "second" | "isObedient">][] = [
  ["a prefix", { first: OPENAI, second: DEEPSEEK, isObedient: false }],
  ["a prefix, after more thoughts", { first: OPENAI, second: THINKING, isObedient: false }],
  ["a prefix without its last space", { first: DEEPSEEK, second: ANTHROPIC, isObedient: false }],
  ["an instruction that it follows", { first: OPENAI, second: OPENAI, isObedient: true }],
  ["an instruction whose repetition it leaves out", { first: ANTHROPIC, second: OPENAI, isObedient: false }],
];

describe.each(CASTS)("an answer that is cut and goes on by %s", (_, parts) => {
  describe.each(MODES)("as %s", (mode) => {
    test.each(["closes", "breaks"] as const)("is one answer wherever the first vendor %s", async (death) => {
      const whole = Buffer.from(parts.first.stream(FIRST, WORDS));
      const both = new Set<boolean>();
      // Every byte at which it closes; a connection that breaks is the same but for how it is told.
      const step = death === "closes" ? 1 : 17;
      for (let cut = 0; cut <= whole.length; cut += step) {
        const { record } = await expectOneAnswer({ ...parts, mode, death }, whole.subarray(0, cut));
        both.add(record.attempts.some(({ cost }) => cost !== undefined));
      }
      expect([...both].sort()).toEqual([false, true]);
    });
  });
});
