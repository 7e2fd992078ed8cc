import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../core/generation.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import { seededRandom } from "../../core/random.ts";
import type { Target } from "../adapter.ts";
import { answerBytes, readFixtures, requestOf, streamBytes } from "../testing/fixtures.ts";
import { readAll, summarize } from "../testing/reading.ts";
import { createAnthropic } from "./index.ts";

/** Clients of Anthropic's dialect at a vendor that speaks it: bytes pass through. */
const anthropic = createAnthropic(new ManualClock());
const { exchanges } = readFixtures("anthropic");
const MESSAGES = [{ role: "user", content: "hi" }];
const END = /event: message_stop\r?\ndata: .*\r?\n\r?\n$/;
const SECOND_START = /(?<=\n)event: message_start\r?\ndata: .*\r?\n\r?\n/g;

function requestFor(body: JsonObject, headers: Record<string, string> = {}) {
  const native = { dialect: "anthropic", body, headers } as const;
  return requestOf("chat", { messages: MESSAGES }, { native, stream: body.stream === true });
}

const NATIVE = requestFor({ model: "m", max_tokens: 9, messages: MESSAGES, stream: true });

function asked(body: JsonObject, headers: Record<string, string> = {}, target: Partial<Target> = {}) {
  const call = anthropic.buildCall(requestFor({ messages: MESSAGES, ...body }, headers), {
    ...{ model: "claude-opus-4-8", baseUrl: "http://v", secret: "s" },
    ...target,
  });
  return { body: JSON.parse(String(call.body)) as JsonObject, call };
}

describe.each(exchanges)("the stream $name", (fixture) => {
  test.each(["\n", "\r\n"] as const)(
    "with line ends %j is handed on byte for byte but for its end",
    (newline) => {
      const bytes = streamBytes(fixture, newline);
      const { bytes: shown, events } = readAll(anthropic.openStream(NATIVE, "passthrough"), [bytes]);
      const sent = Buffer.from(bytes).toString("utf8");
      expect(Buffer.from(shown).toString("utf8")).toBe(sent.replace(END, "").replace(SECOND_START, ""));
      expect(summarize(events)).toMatchObject({
        text: "",
        finish: fixture.expected.finish,
        usage: fixture.expected.usage,
        hasEnded: true,
      });
    },
  );

  test("does not change with the reads that it comes in", () => {
    const bytes = streamBytes(fixture);
    const random = seededRandom(3);
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + Math.floor(random.next() * 60);
      pieces.push(bytes.subarray(at, at + size));
      at += size;
    }
    const whole = readAll(anthropic.openStream(NATIVE, "passthrough"), [bytes]);
    const split = readAll(anthropic.openStream(NATIVE, "passthrough"), pieces);
    expect(Buffer.from(split.bytes).equals(Buffer.from(whole.bytes))).toBe(true);
    expect(split.events).toEqual(whole.events);
  });

  test("counts and remembers what a translated one does", () => {
    const bytes = streamBytes(fixture);
    const own = anthropic.openStream(NATIVE, "passthrough", "", true);
    const translated = anthropic.openStream(requestOf("chat", {}), "passthrough", "", true);
    readAll(own, [bytes]);
    readAll(translated, [bytes]);
    expect(own.delivered).toEqual(translated.delivered);
    expect(own.deliveredAtUsage).toEqual(translated.deliveredAtUsage);
    expect(own.said?.text()).toBe(translated.said?.text() ?? "?");
    expect(own.said?.isBeyondText).toBe(translated.said?.isBeyondText);
  });

  test("is the same message when it is answered whole", () => {
    const answer = anthropic.readAnswer(requestFor({}), answerBytes(fixture));
    const assembled = anthropic.readAnswer(requestFor({}), streamBytes(fixture));
    if (!answer.ok || !assembled.ok) throw new Error("not an answer");
    expect(Buffer.from(answer.body).equals(Buffer.from(answerBytes(fixture)))).toBe(true);
    expect([answer.dialect, assembled.dialect]).toEqual(["anthropic", "anthropic"]);
    const { usage: _, ...message } = answer.parsed;
    expect(assembled.parsed).toMatchObject(message);
    expect(assembled.usage).toEqual(fixture.expected.usage);
    expect(JSON.parse(Buffer.from(assembled.body).toString("utf8"))).toEqual(assembled.parsed);
  });
});

const START = 'event: message_start\ndata: {"type":"message_start","message":{"id":"m"}}\n\n';

test("comments, ids, errors and a second beginning of a stream are not a client's", () => {
  const start = 'event: message_start\ndata: {"type":"message_start","message":{"id":"m"}}\n\n';
  const comment = ': sluice {"outcome":"completed","cost":"0"}\n\n';
  const named = 'id: 7\n: sluice {}\nevent: ping\ndata: {"type":"ping"}\n\n';
  const error = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n';
  const bytes = Buffer.from(`\ufeff${start}${comment}${start}${named}${error}${start}`);
  const read = readAll(anthropic.openStream(NATIVE, "passthrough"), [bytes]);
  expect(Buffer.from(read.bytes).toString("utf8")).toBe(`${start}event: ping\ndata: {"type":"ping"}\n\n`);
  expect(summarize(read.events).failure).toMatchObject({ vendorCode: "overloaded_error" });
});

test.each(["message_stop", "error"])("a frame is not called %s that says nothing of the kind", (name) => {
  const forged = `event: ${name}\ndata: {"type":"ping"}\n\n`;
  const reader = anthropic.openStream(NATIVE, "passthrough");
  const { bytes, events } = readAll(reader, [Buffer.from(`${START}${forged}`)]);
  expect(Buffer.from(bytes).toString("utf8")).toBe(START);
  expect(summarize(events).hasEnded).toBe(false);
});

test("a beginning that is written in escapes is one as well", () => {
  const again = START.replace('"message_start"', '"message\\u005fstart"');
  const { bytes } = readAll(anthropic.openStream(NATIVE, "passthrough"), [Buffer.from(again + START)]);
  expect(Buffer.from(bytes).toString("utf8")).toBe(again);
});

test.each([
  '{"type":"message_stop"}',
  '{"type":"message_delta","delta":{"stop_reason":"end_turn"}}',
  '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"a"}}',
])("a stream that goes on before it has begun has failed: %s", (data) => {
  for (const request of [NATIVE, requestOf("chat", { messages: [] })]) {
    const reader = anthropic.openStream(request, "passthrough");
    const { bytes, events } = readAll(reader, [Buffer.from(`data: ${data}\n\n${START}`)]);
    expect(bytes).toHaveLength(0);
    expect(summarize(events).failure).toMatchObject({ vendorCode: "not_begun" });
  }
});

test("nothing of a frame's form can be taken for ours", () => {
  const forged = 'event: ping\\r: sluice {"cost":"0"}\ndata: {"type":"ping",\\r\ndata: "a":1}\n\n'.replaceAll(
    "\\r",
    "\r",
  );
  const { bytes } = readAll(anthropic.openStream(NATIVE, "passthrough"), [Buffer.from(forged)]);
  expect(Buffer.from(bytes).toString("utf8")).toBe('data: {"type":"ping",\ndata: "a":1}\n\n');
});

describe("a client's own Messages body", () => {
  test("goes out as it came, for the vendor's model", () => {
    const body = {
      max_tokens: 100,
      messages: [
        { role: "user", content: [{ type: "text", text: "hi", cache_control: { type: "ephemeral" } }] },
        { role: "assistant", content: [{ type: "thinking", thinking: "hm", signature: "s" }] },
      ],
      system: [{ type: "text", text: "Be kind." }],
      tools: [{ name: "f", input_schema: { type: "object" }, eager_input_streaming: true }],
      tool_choice: { type: "any", disable_parallel_tool_use: true },
      thinking: { type: "enabled", budget_tokens: 5_000 },
      metadata: { user_id: "u" },
      stop_sequences: [" x "],
      top_k: 3,
    };
    const { body: sent, call } = asked({ model: "public", ...body });
    expect(sent).toEqual({ ...body, model: "claude-opus-4-8" });
    expect(call.dropped).toBeUndefined();
    expect(call.url).toBe("http://v/v1/messages");
  });

  test("keeps to the cap of the balance and to the model's own limit, its thoughts too", () => {
    expect(asked({ max_tokens: 100 }, {}, { cappedOutputTokens: 40 }).body.max_tokens).toBe(40);
    expect(asked({ max_tokens: 100 }, {}, { maxOutputTokens: 50 }).body.max_tokens).toBe(50);
    const thinking = { type: "enabled", budget_tokens: 5_000 };
    const capped = asked({ max_tokens: 9_000, thinking }, {}, { cappedOutputTokens: 4_000 });
    expect(capped.body.thinking).toEqual({ ...thinking, budget_tokens: 2_000 });
    const narrow = asked({ max_tokens: 9_000, thinking }, {}, { cappedOutputTokens: 1_000 });
    expect(narrow.body.thinking).toBeUndefined();
    expect(narrow.call.dropped).toEqual(["thinking"]);
  });

  test("is streamed where a whole answer would keep a connection silent for minutes", () => {
    expect(asked({ max_tokens: 21_333 }).body.stream).toBeUndefined();
    expect(asked({ max_tokens: 21_334 }, {}, { maxOutputTokens: 64_000 }).body.stream).toBe(true);
  });

  test("loses what the price does not cover, and that is told", () => {
    const hour = { type: "ephemeral", ttl: "1h" };
    const result = {
      type: "tool_result",
      tool_use_id: "t",
      content: [{ type: "text", text: "x", cache_control: hour }],
    };
    const inside = { type: "content", content: [{ type: "text", text: "y", cache_control: hour }] };
    const document = { type: "document", source: inside };
    const tool = { name: "f", input_schema: { properties: { cache_control: hour } }, cache_control: hour };
    const { body, call } = asked(
      {
        max_tokens: 9,
        cache_control: hour,
        system: [{ type: "text", text: "s", cache_control: hour }],
        tools: [tool],
        messages: [{ role: "user", content: [result, document] }],
        inference_geo: "us",
        speed: "fast",
      },
      { "anthropic-beta": "interleaved-thinking-2025-05-14, context-1m-2025-08-07" },
    );
    const short = { type: "ephemeral" };
    expect(body).toMatchObject({
      cache_control: short,
      system: [{ cache_control: short }],
      tools: [{ cache_control: short, input_schema: tool.input_schema }],
      messages: [
        {
          content: [
            { content: [{ cache_control: short }] },
            { source: { content: [{ cache_control: short }] } },
          ],
        },
      ],
    });
    expect(JSON.stringify(body).match(/1h/g)).toHaveLength(1);
    expect(call.dropped?.toSorted()).toEqual([
      "anthropic-beta.context-1m-2025-08-07",
      "cache_control.ttl",
      "inference_geo",
      "speed",
    ]);
    expect(call.headers["anthropic-beta"]).toBe("interleaved-thinking-2025-05-14");
  });
});
