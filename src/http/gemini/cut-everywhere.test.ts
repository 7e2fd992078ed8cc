import { expect, test } from "bun:test";
import { sluiceComment } from "../../../tests/gateway.ts";
import type { Transport, VendorCall } from "../../adapters/adapter.ts";
import { createGemini } from "../../adapters/gemini/index.ts";
import { openai } from "../../adapters/openai/index.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import { createRunWorld, DONE, delta, FINISH, runRoute, USAGE } from "../../gateway/testing/run-world.ts";
import { parseContent } from "./request.ts";
import { streamBody } from "./stream-body.ts";

/** A vendor's own stream of responses, cut after each of its bytes, and gone on with by a vendor of either dialect. */
const gemini = createGemini(new ManualClock());
const WORDS = ["w0001 ", "w0002", " é0003", " 😀", "\n\n", "w0004 ", '"w\\5" ', "w0006"];
const TEXT = WORDS.join("");

interface Part {
  readonly text: string;
  readonly thought?: boolean;
}

function ownStream(pieces: readonly string[], thought?: string): string {
  const response = (parts: readonly Part[], end: object = {}): string =>
    `data: ${JSON.stringify({
      candidates: [{ content: { parts, role: "model" }, ...end, index: 0 }],
      usageMetadata: { promptTokenCount: 7, candidatesTokenCount: pieces.length },
      modelVersion: "gemini-own",
      responseId: "own",
    })}\r\n\r\n`;
  return [
    ...(thought === undefined ? [] : [response([{ text: thought, thought: true }])]),
    ...pieces.map((text) => response([{ text }])),
    response([{ text: "" }], { finishReason: "STOP" }),
  ].join("");
}

interface Said {
  readonly text: string;
  readonly anchor: string;
}

/** What a vendor was given of the answer, in either dialect. */
function givenIn(call: VendorCall): Said {
  const body = JSON.parse(String(call.body)) as {
    messages?: { role: string; content: string }[];
    contents?: { role: string; parts: Part[] }[];
  }; // sent by us
  const turns =
    body.messages ??
    (body.contents ?? []).map(({ role, parts }) => ({
      role: role === "model" ? "assistant" : role,
      content: parts.map(({ text }) => text).join(""),
    }));
  const last = turns.at(-1);
  const anchor = last?.role === "user" ? (/which are:\n(.*)$/s.exec(last.content)?.[1] ?? "") : "";
  return { text: turns.findLast(({ role }) => role === "assistant")?.content ?? "", anchor };
}

async function run(sent: Uint8Array, isOwn: boolean): Promise<string> {
  const world = createRunWorld(openai, [
    runRoute("a", gemini, { input: 1n, output: 10n }),
    runRoute("b", isOwn ? gemini : openai, { input: 3n, output: 7n }),
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
  const contents = [{ role: "user", parts: [{ text: "Speak." }] }];
  const { request } = parseContent({ contents }, "m", true, 90);
  const { native } = request;
  const stream = await world.chat(request.body, native === undefined ? {} : { native });
  if (stream.kind !== "stream") throw new Error("not a stream");
  const raw = await new Response(streamBody(stream, { choices: 1, showsThoughts: true })).text();
  expect(world.booked).toHaveLength(1);
  expect(world.held).toMatchObject({ holds: 0, tickets: 0 });
  return raw;
}

interface Read {
  text: string;
  thoughts: string;
  readonly ends: string[];
  readonly names: Set<string>;
}

/** Reads a stream as strictly as it can be read. */
function readResponses(raw: string): Read {
  const read: Read = { text: "", thoughts: "", ends: [], names: new Set() };
  for (const frame of raw.split(/\r?\n\r?\n/)) {
    if (frame === "" || frame.startsWith(": sluice ")) continue;
    expect(read.ends).toEqual([]);
    const { candidates, responseId } = JSON.parse(frame.slice(6)) as {
      candidates: { content: { parts: Part[] }; finishReason?: string }[];
      responseId: string;
    };
    read.names.add(responseId);
    for (const { content, finishReason } of candidates) {
      for (const { text, thought } of content.parts) read[thought === true ? "thoughts" : "text"] += text;
      if (finishReason !== undefined) read.ends.push(finishReason);
    }
  }
  return read;
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
      const { text, thoughts, ends, names } = readResponses(raw);
      expect([cut, text, ends, names.size]).toEqual([cut, TEXT, ["STOP"], 1]);
      expect([undefined, "", thought]).toContain(thoughts);
      expect(sluiceComment(raw)?.outcome).toBe("completed");
    }
    expect((await run(whole, isOwn)).replace(/^: sluice .*\n\n/m, "")).toBe(whole.toString("utf8"));
  },
  60_000,
);
