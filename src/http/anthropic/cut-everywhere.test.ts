import { expect, test } from "bun:test";
import { sluiceComment } from "../../../tests/gateway.ts";
import type { Transport, VendorCall } from "../../adapters/adapter.ts";
import { createAnthropic } from "../../adapters/anthropic/index.ts";
import { openai } from "../../adapters/openai/index.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import { createRunWorld, DONE, delta, FINISH, runRoute, USAGE } from "../../gateway/testing/run-world.ts";
import { parseMessages } from "./request.ts";
import { streamBody } from "./stream-body.ts";

/** A vendor's own stream of a message, cut after each of its bytes, and gone on with by a vendor of either dialect. */
const anthropic = createAnthropic(new ManualClock());
const WORDS = ["w0001 ", "w0002", " é0003", " 😀", "\n\n", "w0004 ", '"w\\5" ', "w0006"];
const TEXT = WORDS.join("");

const event = (type: string, data: object = {}): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;

function ownStream(pieces: readonly string[], thought?: string): string {
  const block = (index: number, type: string, field: string, texts: readonly string[]) => [
    event("content_block_start", { index, content_block: { type, [field]: "" } }),
    ...texts.map((text) =>
      event("content_block_delta", { index, delta: { type: `${field}_delta`, [field]: text } }),
    ),
    event("content_block_stop", { index }),
  ];
  const usage = { input_tokens: 7, output_tokens: 1 };
  const thinking = thought === undefined ? [] : block(0, "thinking", "thinking", [thought]);
  return [
    event("message_start", { message: { id: "msg_own", model: "claude", content: [], usage } }),
    event("ping"),
    ...thinking,
    ...block(thought === undefined ? 0 : 1, "text", "text", pieces),
    event("message_delta", { delta: { stop_reason: "end_turn" }, usage: { output_tokens: pieces.length } }),
    event("message_stop"),
  ].join("");
}

function givenIn(call: VendorCall): { readonly text: string; readonly anchor: string } {
  const { messages } = JSON.parse(String(call.body)) as { messages: { role: string; content: string }[] }; // sent by us
  const last = messages.at(-1);
  const anchor = last?.role === "user" ? (/which are:\n(.*)$/s.exec(last.content)?.[1] ?? "") : "";
  return { text: messages.findLast(({ role }) => role === "assistant")?.content ?? "", anchor };
}

async function run(sent: Uint8Array, isOwn: boolean): Promise<string> {
  const second = isOwn ? anthropic : openai;
  const world = createRunWorld(openai, [
    runRoute("a", anthropic, { input: 1n, output: 10n }),
    runRoute("b", second, { input: 3n, output: 7n }),
  ]);
  const network: Transport = async (call) => {
    if (call.url.startsWith("http://a.")) return new Response(Buffer.from(sent));
    const { text, anchor } = givenIn(call);
    if (!TEXT.startsWith(text)) throw new Error(`was given what nobody said: ${JSON.stringify(text)}`);
    const rest = (anchor + TEXT.slice(text.length)).match(/.{1,3}/gsu) ?? [];
    const chunks = rest.map((piece) => delta(piece)).join("");
    return new Response(isOwn ? ownStream(rest) : chunks + FINISH + USAGE + DONE);
  };
  world.network = network;
  const body = { model: "m", max_tokens: 50, stream: true, messages: [{ role: "user", content: "Speak." }] };
  const { request } = parseMessages(body, 90, null);
  const stream = await world.chat(
    request.body,
    request.native === undefined ? {} : { native: request.native },
  );
  if (stream.kind !== "stream") throw new Error("not a stream");
  const text = await new Response(streamBody(stream, { suffix: "a", model: "m" })).text();
  expect(world.booked).toHaveLength(1);
  expect(world.held).toMatchObject({ holds: 0, tickets: 0 });
  return text;
}

interface Block {
  readonly type: string;
  text: string;
  isOpen: boolean;
}

/** Reads a stream as strictly as it can be read. */
function readMessage(raw: string): { readonly blocks: readonly Block[]; readonly ends: readonly string[] } {
  const blocks: Block[] = [];
  const ends: string[] = [];
  let starts = 0;
  for (const frame of raw.split("\n\n")) {
    if (frame === "" || frame.startsWith(": sluice ")) continue;
    const [name, data] = frame.split("\n");
    const said = JSON.parse((data ?? "").slice(6)) as {
      type: string;
      index: number;
      content_block: { type: string };
      delta: { text?: string; thinking?: string };
    };
    expect(name).toBe(`event: ${said.type}`);
    expect(ends.includes("message_stop") || ends.includes("error")).toBe(false);
    const block = blocks[said.index];
    switch (said.type) {
      case "message_start":
        starts += 1;
        break;
      case "content_block_start":
        expect(said.index).toBe(blocks.length);
        expect(blocks.every(({ isOpen }) => !isOpen)).toBe(true);
        blocks.push({ type: said.content_block.type, text: "", isOpen: true });
        break;
      case "content_block_delta":
        expect(block?.isOpen).toBe(true);
        if (block !== undefined) block.text += said.delta.text ?? said.delta.thinking ?? "";
        break;
      case "content_block_stop":
        expect(block?.isOpen).toBe(true);
        if (block !== undefined) block.isOpen = false;
        break;
      case "ping":
        break;
      default:
        expect(blocks.every(({ isOpen }) => !isOpen)).toBe(true);
        ends.push(said.type);
    }
  }
  expect(starts).toBe(1);
  return { blocks, ends };
}

test.each([
  ["a vendor of OpenAI's dialect", false, undefined],
  ["a vendor of the same dialect", true, undefined],
  ["a vendor of OpenAI's dialect, after thoughts,", false, "Let me think."],
] as const)(
  "%s goes on, wherever the first is cut",
  async (_, isOwn, thought) => {
    const whole = Buffer.from(ownStream(WORDS, thought));
    for (let cut = 0; cut <= whole.length; cut += 1) {
      const raw = await run(whole.subarray(0, cut), isOwn);
      const { blocks, ends } = readMessage(raw);
      const said = blocks.filter(({ type }) => type === "text").map(({ text }) => text);
      expect([cut, said]).toEqual([cut, [TEXT]]);
      expect([cut, ends]).toEqual([cut, ["message_delta", "message_stop"]]);
      expect(sluiceComment(raw)?.outcome).toBe("completed");
    }
  },
  60_000,
);
