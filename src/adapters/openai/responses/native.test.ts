import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../core/generation.ts";
import { seededRandom } from "../../../core/random.ts";
import type { StreamReader, Target } from "../../adapter.ts";
import { answerBytes, readFixtures, requestOf, streamBytes } from "../../testing/fixtures.ts";
import { readAll, summarize } from "../../testing/reading.ts";
import { openai } from "../index.ts";

/** Clients of OpenAI's Responses at OpenAI: bytes pass through. */
const { exchanges } = readFixtures("openai/responses");
const HI = [{ role: "user", content: "hi" }];
const END = /event: response\.(?:completed|incomplete)\r?\ndata: .*\r?\n\r?\n$/;

function requestFor(body: JsonObject) {
  const native = { dialect: "openai-responses", body } as const;
  return requestOf("chat", { messages: HI }, { native, stream: body.stream === true });
}

const STREAMED = requestFor({ model: "m", input: "hi", stream: true });
const WHOLE = requestFor({ model: "m", input: "hi" });

function asked(body: JsonObject, target: Partial<Target> = {}) {
  const call = openai.buildCall(requestFor({ input: "hi", ...body }), {
    ...{ model: "gpt-5.4", baseUrl: "http://v/v1", secret: "s" },
    ...target,
  });
  return { body: JSON.parse(String(call.body)) as JsonObject, call };
}

const frame = (event: JsonObject): string =>
  `event: ${String(event.type)}\ndata: ${JSON.stringify(event)}\n\n`;

/** What a reader gives of a text that comes in one read, its last frame included. */
function readText(text: string, mode: "passthrough" | "events" = "passthrough", remembers = false) {
  const reader = openai.openStream(STREAMED, mode, "sk-secret", remembers);
  let closing = "";
  const noted: StreamReader = {
    ...reader,
    push(bytes) {
      const passage = reader.push(bytes);
      closing += passage.closing === undefined ? "" : Buffer.from(passage.closing).toString("utf8");
      return passage;
    },
    close() {
      const passage = reader.close();
      closing += passage.closing === undefined ? "" : Buffer.from(passage.closing).toString("utf8");
      return passage;
    },
  };
  const { bytes, events } = readAll(noted, [Buffer.from(text)]);
  return { shown: Buffer.from(bytes).toString("utf8"), closing, events, reader };
}

describe.each(exchanges)("the response $name", (fixture) => {
  test.each(["\n", "\r\n"] as const)("is handed on byte for byte, its end apart (%j)", (newline) => {
    const sent = Buffer.from(streamBytes(fixture, newline)).toString("utf8");
    const { shown, closing, events } = readText(sent);
    expect(shown).toBe(sent.replace(END, ""));
    expect(shown + closing).toBe(sent);
    const { finish, usage } = fixture.expected;
    expect(summarize(events)).toMatchObject({ text: "", finish, usage, hasEnded: true });
  });

  test("means what is expected", () => {
    const { events } = readText(Buffer.from(streamBytes(fixture)).toString("utf8"), "events");
    expect(summarize(events)).toMatchObject({ ...fixture.expected, hasEnded: true, failure: undefined });
  });

  test("does not change with the reads that it comes in", () => {
    const bytes = streamBytes(fixture);
    const random = seededRandom(3);
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + Math.floor(random.next() * 60);
      pieces.push(bytes.subarray(at, at + size));
      at += size;
    }
    const whole = readAll(openai.openStream(STREAMED, "passthrough"), [bytes]);
    const split = readAll(openai.openStream(STREAMED, "passthrough"), pieces);
    expect(Buffer.from(split.bytes).equals(Buffer.from(whole.bytes))).toBe(true);
    expect(summarize(split.events)).toEqual(summarize(whole.events));
  });

  test("has not ended wherever it is cut before its last event", () => {
    const bytes = streamBytes(fixture);
    const text = Buffer.from(bytes).toString("utf8");
    const end = Buffer.byteLength(text.replace(END, ""));
    for (let cut = 0; cut < end; cut += 7) {
      const { events } = readAll(openai.openStream(STREAMED, "passthrough"), [bytes.subarray(0, cut)]);
      expect(summarize(events)).toMatchObject({ hasEnded: false, finish: undefined });
    }
  });

  test("is whole as it came", () => {
    const answer = openai.readAnswer(WHOLE, answerBytes(fixture), "sk-secret");
    if (!answer.ok) throw new Error(answer.failure.message);
    expect(answer.dialect).toBe("openai-responses");
    expect(Buffer.from(answer.body).equals(Buffer.from(answerBytes(fixture)))).toBe(true);
    expect(answer.usage).toEqual(fixture.expected.usage);
    expect(answer.finishReasons).toEqual(
      fixture.expected.finish === undefined ? [] : [fixture.expected.finish],
    );
    const { text = "", reasoning = "", refusal = "", calls = [] } = fixture.expected;
    const called = calls.map((call) => call.name + call.arguments).join("");
    expect(answer.outputChars).toBe((text + reasoning + refusal + called).length);
  });

  test("is whole as well when it came as a stream", () => {
    const answer = openai.readAnswer(WHOLE, streamBytes(fixture), "sk-secret");
    expect(answer).toMatchObject({ ok: true, parsed: fixture.answer, usage: fixture.expected.usage });
    const cut = Buffer.from(streamBytes(fixture)).toString("utf8").replace(END, "");
    expect(openai.readAnswer(WHOLE, Buffer.from(cut))).toMatchObject({
      ok: false,
      failure: { vendorCode: "stream_cut" },
    });
  });

  test("is remembered for whoever goes on with it", () => {
    const { reader } = readText(Buffer.from(streamBytes(fixture)).toString("utf8"), "passthrough", true);
    const { text = "", reasoning = "", calls = [], refusal = "" } = fixture.expected;
    expect(reader.said?.text()).toBe(text);
    expect(reader.said?.hasReasoning).toBe(reasoning !== "");
    expect(reader.said?.isBeyondText).toBe(calls.length > 0 || refusal !== "");
    expect(reader.delivered.reasoningChars).toBe(reasoning.length);
  });
});

describe("a stream", () => {
  const CREATED = frame({ type: "response.created", response: { id: "resp_1", status: "in_progress" } });
  const PIECE = frame({ type: "response.output_text.delta", output_index: 0, content_index: 0, delta: "a" });
  const usage = { input_tokens: 10, output_tokens: 2 };
  const END_OF = (status: string, more: JsonObject = {}) =>
    frame({ type: `response.${status}`, response: { id: "resp_1", status, output: [], usage, ...more } });

  test("shows no second beginning, no comment, nothing behind its end, and no second end", () => {
    const noise = `: sluice {"cost":"0"}\n\nid: 7\nretry: 1\n: x\n${PIECE}data: [DONE]\n\n`;
    const end = END_OF("completed");
    const { shown, closing, events } = readText(CREATED + CREATED + noise + end + end + PIECE);
    expect(shown).toBe(CREATED + PIECE);
    expect(closing).toBe(end);
    expect(events.filter(({ type }) => type === "end")).toHaveLength(1);
  });

  test.each([
    [{ type: "error", error: { type: "server_error", code: "server_error", message: "no sk-secret" } }],
    [{ type: "error", code: "server_error", message: "no sk-secret", param: null }],
    [{ error: { code: "server_error", message: "no sk-secret" } }],
    [
      {
        type: "response.failed",
        response: { status: "failed", error: { code: "server_error", message: "no sk-secret" } },
      },
    ],
  ])("that fails by %j has failed, and its words are nobody's", (event) => {
    const { shown, closing, events } = readText(CREATED + PIECE + frame(event) + END_OF("completed"));
    expect(shown).toBe(CREATED + PIECE);
    expect(closing).toBe("");
    const { failure, hasEnded } = summarize(events);
    expect(failure).toMatchObject({ fault: "vendor" });
    expect(failure?.message).toContain("no ");
    expect(failure?.message).not.toContain("sk-secret");
    expect(hasEnded).toBe(false);
  });

  test("that the vendor cancelled, or that ends as failed, is a failure, and what it counted is known", () => {
    for (const [end, code] of [
      [END_OF("cancelled"), "response_cancelled"],
      [END_OF("failed"), "response_failed"],
      [END_OF("completed", { status: "failed" }), "response_failed"],
    ] as const) {
      const { failure, hasEnded, usage: told } = summarize(readText(CREATED + PIECE + end).events);
      expect(failure?.vendorCode).toBe(code);
      expect(hasEnded).toBe(false);
      expect(told).toMatchObject({ input: 10, output: 2 });
    }
  });

  test("is over with its last event, also without the empty line behind it", () => {
    const { closing, events } = readText(CREATED + PIECE + END_OF("completed").trimEnd());
    expect(closing).toBe(END_OF("completed"));
    expect(summarize(events)).toMatchObject({ hasEnded: true, finish: "stop" });
  });

  test("with half a last event is cut", () => {
    const end = END_OF("completed").trimEnd();
    const { closing, events } = readText(CREATED + PIECE + end.slice(0, -3));
    expect(closing).toBe("");
    expect(summarize(events)).toMatchObject({ hasEnded: false, finish: undefined });
  });

  test("that tells its words only in the end of each part says the same", () => {
    const item = { type: "function_call", call_id: "c1", name: "f", arguments: '{"a":1}' };
    const { events } = readText(
      CREATED +
        frame({ type: "response.output_text.done", output_index: 0, content_index: 0, text: "Hi" }) +
        frame({ type: "response.output_item.done", output_index: 1, item }) +
        END_OF("completed", { output: [item] }),
      "events",
    );
    expect(summarize(events)).toMatchObject({
      text: "Hi",
      calls: [{ id: "c1", name: "f", arguments: '{"a":1}' }],
      finish: "tool_calls",
    });
  });

  test.each([
    ["nothing", undefined],
    ["no counts", {}],
    ["half of the counts", { input_tokens: 10 }],
    ["less than nothing", { input_tokens: -1, output_tokens: 2 }],
    [
      "more cached than read",
      { input_tokens: 1, input_tokens_details: { cached_tokens: 5 }, output_tokens: 2 },
    ],
  ])("that tells %s as its usage tells none", (_, told) => {
    const { events } = readText(CREATED + PIECE + END_OF("completed", { usage: told }));
    expect(summarize(events)).toMatchObject({ hasEnded: true, usage: undefined });
  });

  test("served by a tier of another price says by which", () => {
    const { events } = readText(CREATED + PIECE + END_OF("completed", { service_tier: "priority" }));
    expect(summarize(events).usage?.serviceTier).toBe("priority");
  });
});

test.each([
  ["", "empty_body"],
  ["<html>", "html_body"],
  ["{", "invalid_body"],
  ["[]", "invalid_body"],
  ['{"object":"response","status":"completed"}', "invalid_body"],
  ['{"status":"in_progress","output":[]}', "response_failed"],
  ['{"status":"queued","output":[]}', "response_failed"],
  ['{"status":"cancelled","output":[]}', "response_cancelled"],
  ['{"status":"failed","output":[],"error":{"code":"server_error","message":"x"}}', "server_error"],
  ['{"status":"completed","output":[],"error":{"code":"server_error","message":"x"}}', "server_error"],
  ['{"error":{"code":"server_error","message":"x"}}', "server_error"],
])("the whole answer %p is a failure", (body, vendorCode) => {
  expect(openai.readAnswer(WHOLE, Buffer.from(body))).toMatchObject({ ok: false, failure: { vendorCode } });
});

describe("the call", () => {
  test("is the client's body, for the vendor's model, with nothing kept there", () => {
    const body = {
      ...{ model: "public", instructions: "Be brief.", store: true, stream: true, metadata: { a: "b" } },
      ...{ tools: [{ type: "function", name: "f", parameters: {}, strict: true }], tool_choice: "auto" },
      ...{ text: { verbosity: "low" }, truncation: "auto", stream_options: { include_obfuscation: false } },
      ...{ reasoning: { effort: "low", summary: "auto" }, max_output_tokens: 900, background: false },
    };
    const { body: sent, call } = asked(body);
    const { background: _, ...rest } = body;
    expect(sent).toEqual({
      ...rest,
      ...{ input: "hi", model: "gpt-5.4", store: false, include: ["reasoning.encrypted_content"] },
    });
    expect(call).toMatchObject({ method: "POST", url: "http://v/v1/responses" });
    expect(call.headers).toMatchObject({ authorization: "Bearer s", accept: "text/event-stream" });
    expect(call.dropped).toBeUndefined();
  });

  test("is within the cap, or is not made", () => {
    expect(asked({}).body.max_output_tokens).toBeUndefined();
    expect(asked({}, { cappedOutputTokens: 50 }).body.max_output_tokens).toBe(50);
    expect(asked({ max_output_tokens: 80 }, { cappedOutputTokens: 50 }).body.max_output_tokens).toBe(50);
    expect(asked({ max_output_tokens: 40 }, { cappedOutputTokens: 50 }).body.max_output_tokens).toBe(40);
    expect(asked({ max_output_tokens: 900 }, { maxOutputTokens: 500 }).body.max_output_tokens).toBe(500);
    expect(() => asked({}, { cappedOutputTokens: 15 })).toThrow(
      expect.objectContaining({ code: "insufficient_points" }),
    );
  });

  test("leaves out what would be kept at OpenAI, cost more than the price says, or is not known", () => {
    const { body, call } = asked(
      {
        prompt_cache_retention: "24h",
        prompt_cache_options: { ttl: "12h" },
        wild: 1,
        service_tier: "priority",
      },
      { pricedTiers: ["flex"] },
    );
    expect(Object.keys(body).toSorted()).toEqual(["include", "input", "model", "store"]);
    expect(call.dropped?.toSorted()).toEqual([
      "prompt_cache_options",
      "prompt_cache_retention",
      "service_tier",
      "wild",
    ]);
    expect(asked({ service_tier: "priority" }, { pricedTiers: ["priority"] }).body.service_tier).toBe(
      "priority",
    );
  });

  test("says of how to reason what is known, and tells the rest", () => {
    const reasoning = { effort: "none", summary: "auto", mode: "pro", more: null };
    const { body, call } = asked({ reasoning }, { model: "gpt-5" });
    expect(body.reasoning).toEqual({ effort: "minimal", summary: "auto" });
    expect(call.dropped).toEqual(["reasoning.mode", "reasoning.effort"]);
  });

  test("asks a model that does not reason for nothing that has to do with it", () => {
    const { body, call } = asked(
      {
        ...{ reasoning: { effort: "low" }, include: ["reasoning.encrypted_content"], temperature: 0.5 },
        input: [{ type: "reasoning", id: "rs_1", summary: [], encrypted_content: "gAAA" }, ...HI],
      },
      { model: "gpt-4.1" },
    );
    expect(body).toEqual({ model: "gpt-4.1", store: false, temperature: 0.5, input: HI });
    expect(call.dropped).toEqual(["reasoning"]);
    expect(
      asked({ reasoning: { effort: null, summary: null } }, { model: "gpt-4.1" }).call.dropped,
    ).toBeUndefined();
  });

  test("asks a model that reasons for nothing that it refuses", () => {
    const wishes = {
      temperature: 0.5,
      top_p: 0.5,
      top_logprobs: 2,
      include: ["message.output_text.logprobs"],
    };
    const { body, call } = asked(wishes);
    expect(body).toEqual({
      ...{ model: "gpt-5.4", store: false, input: "hi" },
      include: ["reasoning.encrypted_content"],
    });
    expect(call.dropped?.toSorted()).toEqual([
      "include.message.output_text.logprobs",
      "temperature",
      "top_logprobs",
      "top_p",
    ]);
    expect(asked({ temperature: 0.5, reasoning: { effort: "none" } }).body.temperature).toBe(0.5);
    const least = asked({ reasoning: { effort: "none" } }, { model: "gpt-5" });
    expect(least.body.reasoning).toEqual({ effort: "minimal" });
    expect(least.call.dropped).toEqual(["reasoning.effort"]);
  });

  const sealed = { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "gAAA" };
  const called = { type: "function_call", id: "fc_1", call_id: "c", name: "f", arguments: "{}" };
  const answered = { type: "function_call_output", call_id: "c", output: "1" };

  test("gives back what OpenAI thought, and what led where, as it was sealed", () => {
    const input = [...HI, sealed, called, answered];
    expect(asked({ input }).body.input).toEqual(input);
  });

  test("gives OpenAI nothing of other vendors that it would refuse", () => {
    const input = [
      { type: "reasoning", id: "rs_01abc_0", summary: [], encrypted_content: "sluice.e30=" },
      { type: "reasoning", id: "rs_2", summary: [], content: [{ type: "reasoning_text", text: "hm" }] },
      { ...called, id: "fc_01abc_1", extra_content: { google: {} }, parsed_arguments: {} },
      answered,
      { ...called, call_id: "d", status: "incomplete" },
      {
        ...{ type: "message", id: "msg_01abc_2", role: "assistant" },
        content: [{ type: "output_text", text: "{}", parsed: {} }],
      },
    ];
    const { id: _, ...call } = called;
    expect(asked({ input }).body.input).toEqual([
      call,
      answered,
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "{}" }] },
    ]);
  });

  test("leaves out a thought that led to nothing, as an answer that was cut off has it", () => {
    expect(asked({ input: [...HI, sealed, { role: "user", content: "go on" }] }).body.input).toEqual([
      ...HI,
      { role: "user", content: "go on" },
    ]);
    expect(asked({ input: [...HI, sealed] }).body.input).toEqual(HI);
  });
});
