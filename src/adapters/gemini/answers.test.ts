import { describe, expect, test } from "bun:test";
import { ManualClock } from "../../core/manual-clock.ts";
import { listOf, objectOf, parseJson } from "../json.ts";
import { readFrames } from "../sse/event-stream.ts";
import { readFixtures, requestOf, streamBytes } from "../testing/fixtures.ts";
import { readAll, summarize } from "../testing/reading.ts";
import { shaped } from "../testing/shaped.ts";
import { createGemini } from "./index.ts";

const gemini = createGemini(new ManualClock());
const CHAT = requestOf("chat", {});
const USER = { role: "user", content: "hi" };
const USAGE = { promptTokenCount: 5, candidatesTokenCount: 2, totalTokenCount: 7 };

const candidate = (text: string, finishReason?: string, index = 0) => ({
  content: { parts: [{ text }], role: "model" },
  ...(finishReason === undefined ? {} : { finishReason }),
  index,
});
const frame = (response: object) => `data: ${JSON.stringify(response)}\r\n\r\n`;
const read = (text: string, request = CHAT) =>
  summarize(readAll(gemini.openStream(request, "events"), [Buffer.from(text)]).events);
const whole = (response: object, request = CHAT) =>
  gemini.readAnswer(request, Buffer.from(JSON.stringify(response)));

describe("the end of a stream", () => {
  const said = frame({ candidates: [candidate("a")], usageMetadata: USAGE });
  const last = frame({ candidates: [candidate("b", "STOP")], usageMetadata: USAGE });

  test("is the end of the connection after a finish reason, and nothing before it", () => {
    const reader = gemini.openStream(CHAT, "events");
    expect(reader.push(Buffer.from(said + last)).events.map(({ type }) => type)).not.toContain("end");
    expect(reader.close().events).toEqual([{ type: "end" }]);
    expect(read(said)).toMatchObject({ text: "a", hasEnded: false, failure: undefined });
  });

  test("is whole without the last empty line, and no half of a frame is ever taken for one", () => {
    expect(read(said + last.trimEnd())).toMatchObject({ text: "ab", finish: "stop", hasEnded: true });
    expect(read(said + last.trimEnd().slice(0, -1))).toMatchObject({ text: "a", hasEnded: false });
  });

  test("waits for every candidate that was asked for", () => {
    const two = requestOf("chat", { n: 2 }, { choices: 2 });
    const first = frame({ candidates: [candidate("a", "STOP", 0)], usageMetadata: USAGE });
    const second = frame({ candidates: [candidate("b", "MAX_TOKENS", 1)], usageMetadata: USAGE });
    expect(read(first, two).hasEnded).toBe(false);
    expect(read(first + second, two).hasEnded).toBe(true);
    // One that nobody asked for is nobody's.
    expect(read(first + frame({ candidates: [candidate("b", undefined, 1)] }))).toMatchObject({
      text: "a",
      hasEnded: true,
    });
  });
});

describe("what is no ordinary answer", () => {
  const broken = { candidates: [candidate("Hm", "MALFORMED_FUNCTION_CALL")], usageMetadata: USAGE };

  test.each(["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"])(
    "%s is the vendor's failure",
    (finishReason) => {
      const answer = whole({ candidates: [{ finishReason, index: 0 }], usageMetadata: USAGE });
      expect(answer).toMatchObject({ ok: false, failure: { fault: "vendor", vendorCode: finishReason } });
    },
  );

  test("a model that fails at its tools in a stream has its tokens told first", () => {
    const { events } = readAll(gemini.openStream(CHAT, "events"), [Buffer.from(frame(broken))]);
    expect(events.map(({ type }) => type)).toEqual(["text", "usage", "failure"]);
  });

  test("a blocked prompt without a word is an empty answer that was filtered", () => {
    const blocked = { promptFeedback: { blockReason: "SAFETY" }, usageMetadata: { promptTokenCount: 9 } };
    expect(whole(blocked)).toMatchObject({
      ok: true,
      finishReasons: ["content_filter"],
      usage: { input: 9 },
    });
    expect(read(frame(blocked))).toMatchObject({ text: "", finish: "content_filter", hasEnded: true });
  });

  test("an answer that was spent on thinking is empty and cut to length", () => {
    const usageMetadata = { promptTokenCount: 9, thoughtsTokenCount: 100, totalTokenCount: 109 };
    const spent = {
      candidates: [{ content: { role: "model" }, finishReason: "MAX_TOKENS", index: 0 }],
      usageMetadata,
    };
    expect(whole(spent)).toMatchObject({ finishReasons: ["length"], usage: { output: 0, reasoning: 100 } });
  });

  test.each([
    ["no reason for its end", { candidates: [candidate("a")] }],
    ["no candidates and no reason for that", { candidates: [], usageMetadata: USAGE }],
    ["feedback that blocks nothing", { promptFeedback: { safetyRatings: [] } }],
  ])("an answer with %s is none", (_, response) => {
    expect(whole(response).ok).toBe(false);
  });

  test("an error in an array is read in a stream, too", () => {
    const refused = `data: [{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}]\n\n`;
    expect(read(refused).failure).toMatchObject({ status: 503, fault: "vendor", message: "busy" });
  });

  test.each([
    ["more was read from the cache than was asked", { promptTokenCount: 5, cachedContentTokenCount: 6 }],
    ["a count is negative", { promptTokenCount: 5, thoughtsTokenCount: -1 }],
    ["the prompt is not counted", { candidatesTokenCount: 5 }],
  ])("usage in which %s is no usage", (_, usageMetadata) => {
    expect(whole({ candidates: [candidate("a", "STOP")], usageMetadata })).toMatchObject({
      ok: true,
      usage: undefined,
    });
  });
});

test("log probabilities go out beside the text that they are of, streamed and whole", () => {
  const token = (text: string, logProbability?: number) => ({ token: text, tokenId: 1, logProbability });
  const logprobsResult = {
    chosenCandidates: [token("é", -0.5)],
    topCandidates: [{ candidates: [token("é", -0.5), token("e", -1)] }],
  };
  const response = { candidates: [{ ...candidate("é", "STOP"), logprobsResult }], usageMetadata: USAGE };
  const answer = whole(response);
  const content = [
    {
      token: "é",
      logprob: -0.5,
      bytes: [195, 169],
      top_logprobs: [
        { token: "é", logprob: -0.5, bytes: [195, 169] },
        { token: "e", logprob: -1, bytes: [101] },
      ],
    },
  ];
  if (!answer.ok) throw new Error("no answer");
  expect(answer.parsed.choices).toMatchObject([{ logprobs: { content, refusal: null } }]);
  const { bytes } = readAll(gemini.openStream(CHAT, "passthrough"), [Buffer.from(frame(response))]);
  const [first] = [...readFrames(Buffer.from(bytes).toString("utf8"))];
  expect(parseJson(first?.data ?? "")).toMatchObject({
    choices: [{ delta: { content: "é" }, logprobs: { content } }],
  });
});

describe("signatures of thoughts", () => {
  test.each(["tools", "parallel-tools", "text"])(
    "of %s come back as they were, streamed or whole",
    (name) => {
      const fixture = readFixtures("gemini").exchanges.find((one) => one.name === name);
      if (fixture === undefined) throw new Error(name);
      const request = requestOf("chat", fixture.request);
      const answer = whole(fixture.answer, request);
      if (!answer.ok) throw new Error("no answer");
      const message = objectOf(objectOf(listOf(answer.parsed.choices)[0])?.message) ?? {};
      const { bytes } = readAll(gemini.openStream(request, "passthrough"), [streamBytes(fixture)]);
      const frames = [...readFrames(Buffer.from(bytes).toString("utf8"))].map(({ data }) => data).join("\n");
      const signatures = JSON.stringify(message).match(/"thought_signature":"[^"]+"/g) ?? [];
      expect(signatures.length).toBe(1);
      for (const signature of signatures) expect(frames).toContain(signature);

      const results = listOf(message.tool_calls).map((call) => ({
        role: "tool",
        tool_call_id: objectOf(call)?.id,
        content: "x",
      }));
      const messages = [USER, message, ...(results.length > 0 ? results : [USER])];
      const { body, dropped } = shaped(gemini, { messages }, { model: "gemini-3-pro-preview" });
      const [, again] = listOf(body.contents);
      const parts = listOf(objectOf(objectOf(listOf(fixture.answer.candidates)[0])?.content)?.parts);
      expect(objectOf(again)?.parts).toEqual(parts.map(asSentBack));
      expect(dropped).toEqual([]);
    },
  );
});

/** A call without arguments has an empty object of them; names that were given to calls here are left out again. */
function asSentBack(part: unknown): unknown {
  const { functionCall, ...rest } = objectOf(part) ?? {};
  const called = objectOf(functionCall);
  return called === undefined ? part : { ...rest, functionCall: { ...called, args: called.args ?? {} } };
}
