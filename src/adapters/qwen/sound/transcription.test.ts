import { describe, expect, test } from "bun:test";
import type { GenerationRequest } from "../../../core/generation.ts";
import { ManualClock } from "../../../core/manual-clock.ts";
import { seededRandom } from "../../../core/random.ts";
import type { SoundFile } from "../../../core/sound.ts";
import { isObject } from "../../json.ts";
import { readFrames } from "../../sse/event-stream.ts";
import { answerBytes, type Fixture, readFixtures, requestOf, streamBytes } from "../../testing/fixtures.ts";
import { qwen } from "../index.ts";
import { createQwenNative } from "../native/adapter.ts";

const SECRET = "sk-qwen-0123456789abcdefghijklm";
const COMPATIBLE = {
  model: "qwen3-asr-flash",
  baseUrl: "https://dashscope.aliyuncs.com/compatible-mode/v1",
  secret: SECRET,
};
const OWN = { ...COMPATIBLE, baseUrl: "https://dashscope-us.aliyuncs.com/api/v1" };
const native = createQwenNative(new ManualClock());
const CHAT = fixtureOf("transcript");
const NATIVE = fixtureOf("transcript-native");
const SOUND: SoundFile = {
  name: "talk.mp3",
  contentType: "audio/mpeg",
  bytes: new Uint8Array([1, 2, 3, 255]),
  likelySeconds: 2,
  mostSeconds: 9,
};
const URL_OF_SOUND = "data:audio/mpeg;base64,AQID/w==";

function fixtureOf(wanted: string): Fixture {
  const found = readFixtures("qwen/sound").exchanges.find(({ name }) => name === wanted);
  if (found === undefined) throw new Error(`the fixture ${wanted} is missing`);
  return found;
}

const ask = (body: object, { stream = false, sound = SOUND } = {}): GenerationRequest =>
  requestOf("transcription", { model: "m", ...body }, { stream, sound });

function sent(request: GenerationRequest, target = COMPATIBLE) {
  const call = (target === OWN ? native : qwen).buildCall(request, target);
  const body: unknown = JSON.parse(String(call.body));
  if (!isObject(body)) throw new Error("no object");
  return { ...call, body };
}

function refused(request: GenerationRequest, model = COMPATIBLE.model): string {
  try {
    qwen.buildCall(request, { ...COMPATIBLE, model });
  } catch (thrown) {
    if (isObject(thrown) && isObject(thrown.detail)) return `${thrown.code} ${thrown.detail.param}`;
    throw thrown;
  }
  return "sent";
}

describe("a call", () => {
  test("has the recording in a message of a chat, and what may come up before it", () => {
    const { url, body, dropped } = sent(ask({ prompt: "Sluice, NATS", language: "de-DE" }));
    expect(url).toBe("https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions");
    expect(body).toEqual({
      model: "qwen3-asr-flash",
      messages: [
        { role: "system", content: [{ type: "text", text: "Sluice, NATS" }] },
        { role: "user", content: [{ type: "input_audio", input_audio: { data: URL_OF_SOUND } }] },
      ],
      stream: false,
      asr_options: { language: "de" },
    });
    expect(dropped).toBeUndefined();
  });

  test("streams with a wish for usage", () => {
    const { body } = sent(ask({ stream: true, enable_itn: "true" }, { stream: true }));
    expect(body).toMatchObject({
      stream: true,
      stream_options: { include_usage: true },
      asr_options: { enable_itn: true },
    });
  });

  test("in DashScope's own protocol says the same in its words, and never streams", () => {
    const { url, body, headers } = sent(ask({ prompt: "Sluice", language: "zh" }, { stream: true }), OWN);
    expect(url).toBe(
      "https://dashscope-us.aliyuncs.com/api/v1/services/aigc/multimodal-generation/generation",
    );
    expect(body).toEqual({
      model: "qwen3-asr-flash",
      input: {
        messages: [
          { role: "system", content: [{ text: "Sluice" }] },
          { role: "user", content: [{ audio: URL_OF_SOUND }] },
        ],
      },
      parameters: { result_format: "message", asr_options: { language: "zh" } },
    });
    expect(headers["x-dashscope-sse"]).toBeUndefined();
  });

  test("says what was given up", () => {
    const body = { language: "Klingon", temperature: 0.2, include: ["logprobs"], chunking_strategy: "auto" };
    const { dropped, body: asked } = sent(ask({ ...body, prompt: null, response_format: "json" }));
    expect(dropped).toEqual(["language", "temperature", "include", "chunking_strategy"]);
    expect(asked.asr_options).toBeUndefined();
  });

  test.each([
    ["talk.m4a", "application/octet-stream", "data:audio/mp4;base64,"],
    ["talk", "audio/ogg; codecs=opus", "data:audio/ogg;base64,"],
  ])("tells the kind of %s (%s)", (name, contentType, head) => {
    const { body } = sent(ask({}, { sound: { ...SOUND, name, contentType } }));
    expect(JSON.stringify(body)).toContain(head);
  });

  test.each(["srt", "vtt", "verbose_json", "diarized_json"])("for %s is refused by it", (format) => {
    expect(refused(ask({ response_format: format }))).toBe("unsupported_parameter response_format");
  });

  test("is refused by what it cannot have: times, a long or large recording, one of no kind, other models", () => {
    expect(refused(ask({ timestamp_granularities: ["word"] }))).toBe(
      "unsupported_parameter timestamp_granularities",
    );
    const long = { ...SOUND, likelySeconds: 301, mostSeconds: 301, isTold: true } as const;
    expect(refused(ask({}, { sound: long }))).toBe("unsupported_parameter file");
    // Nobody knows how long this one is: the vendor may know.
    expect(refused(ask({}, { sound: { ...SOUND, likelySeconds: 301, mostSeconds: 900 } }))).toBe("sent");
    const large = { ...SOUND, bytes: new Uint8Array(7_864_304) };
    expect(refused(ask({}, { sound: large }))).toBe("unsupported_parameter file");
    expect(refused(ask({}, { sound: { ...SOUND, bytes: new Uint8Array(7_864_300) } }))).toBe("sent");
    const nothing = { ...SOUND, name: "talk", contentType: "application/octet-stream" };
    expect(refused(ask({}, { sound: nothing }))).toBe("unsupported_parameter file");
    for (const model of ["qwen3-asr-flash-filetrans", "qwen3-asr-flash-realtime", "fun-asr-flash"]) {
      expect(refused(ask({}), model)).toBe("unsupported_parameter model");
    }
  });
});

describe("a whole answer", () => {
  test.each([
    ["of the compatible mode", CHAT, qwen],
    ["of DashScope's own protocol", NATIVE, native],
  ] as const)("%s is OpenAI's transcript, billed by its seconds", (_, fixture, adapter) => {
    const answer = adapter.readAnswer(ask({}), answerBytes(fixture), SECRET);
    if (!answer.ok) throw new Error(answer.failure.message);
    expect(answer.parsed).toEqual({ text: "开门。", usage: { type: "duration", seconds: 2 } });
    expect(JSON.parse(Buffer.from(answer.body).toString("utf8"))).toEqual(answer.parsed);
    expect([answer.usage, answer.outputChars]).toEqual([fixture.expected.usage, 3]);
    const plain = adapter.readAnswer(ask({ response_format: "text" }), answerBytes(fixture), SECRET);
    if (!plain.ok) throw new Error(plain.failure.message);
    expect(Buffer.from(plain.body).toString("utf8")).toBe("开门。\n");
    expect(plain.contentType).toStartWith("text/plain");
  });

  const said = (content: unknown, finish_reason = "stop") =>
    JSON.stringify({ choices: [{ finish_reason, message: { content } }], usage: { seconds: 1.2 } });

  test("of a recording in which nothing is said is one all the same", () => {
    for (const silent of [said(""), said([])]) {
      const answer = qwen.readAnswer(ask({}), Buffer.from(silent), SECRET);
      expect(answer).toMatchObject({ ok: true, parsed: { text: "" }, usage: { seconds: 2 } });
    }
  });

  test.each([
    ["half a transcript", said("Open", "length")],
    ["no choice", '{"choices":[],"usage":{"seconds":1}}'],
    ["no words", said(null)],
    ["an error in a 200", `{"code":"InternalError","message":"no ${SECRET}"}`],
    ["an error of the compatible mode", `{"error":{"message":"no ${SECRET}","code":"internal_error"}}`],
    ["nothing", ""],
    ["a page", "<html></html>"],
  ])("with %s is the vendor's failure, and shows no key", (_, body) => {
    for (const adapter of [qwen, native]) {
      const answer = adapter.readAnswer(ask({}), Buffer.from(body), SECRET);
      expect(answer).toMatchObject({ ok: false, failure: { fault: "vendor" } });
      expect(JSON.stringify(answer)).not.toContain(SECRET);
    }
  });
});

test("what is no transcript is not shown as an error's words", () => {
  const odd = { code: "", message: "", output: { choices: [{ message: { said: "a secret" } }] } };
  for (const adapter of [qwen, native]) {
    const answer = adapter.readAnswer(ask({}), Buffer.from(JSON.stringify(odd)), SECRET);
    expect(answer).toMatchObject({ ok: false, failure: { vendorCode: "no_result" } });
    expect(JSON.stringify(answer)).not.toContain("a secret");
  }
});

function read(bytes: Uint8Array, cuts: readonly number[] = [], adapter = qwen) {
  const reader = adapter.openStream(ask({}, { stream: true }), "passthrough", SECRET);
  const passages = [];
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    passages.push(reader.push(bytes.subarray(from, to)));
    from = to;
  }
  passages.push(reader.close());
  const events = passages.flatMap((passage) => passage.events);
  const framesOf = (frames: Uint8Array) =>
    [...readFrames(Buffer.from(frames).toString("utf8"))].map(({ data }) => JSON.parse(data ?? ""));
  return {
    shown: framesOf(Buffer.concat(passages.map(({ bytes: piece }) => piece ?? new Uint8Array()))),
    closing: passages.flatMap(({ closing }) => (closing === undefined ? [] : framesOf(closing)))[0],
    events,
    failure: events.find(({ type }) => type === "failure"),
    hasEnded: events.at(-1)?.type === "end",
    chars: reader.delivered.chars,
  };
}

describe("a stream", () => {
  test("of chunks is OpenAI's events, the last of which has all that was said and the usage", () => {
    const answer = read(streamBytes(CHAT));
    expect(answer.shown).toEqual([
      { type: "transcript.text.delta", delta: "开门" },
      { type: "transcript.text.delta", delta: "。" },
    ]);
    expect(answer.closing).toEqual({
      type: "transcript.text.done",
      text: "开门。",
      usage: { type: "duration", seconds: 2 },
    });
    expect(answer.events).toEqual([{ type: "usage", usage: CHAT.expected.usage }, { type: "end" }]);
    expect(answer.chars).toBe(3);
  });

  test("means the same wherever its reads end", () => {
    const bytes = streamBytes(CHAT, "\r\n");
    const whole = read(bytes);
    for (let seed = 1; seed <= 8; seed += 1) {
      const random = seededRandom(seed);
      const cuts = Array.from({ length: 30 }, () => Math.floor(random.next() * bytes.length));
      expect(
        read(
          bytes,
          cuts.toSorted((one, other) => one - other),
        ),
      ).toEqual(whole);
    }
  });

  test("that is cut anywhere never ends", () => {
    const bytes = streamBytes(CHAT);
    const end = Buffer.from(bytes).indexOf("[DONE]") + "[DONE]".length;
    for (let length = 0; length < end; length += 1) {
      const { hasEnded, failure } = read(bytes.subarray(0, length));
      expect([length, hasEnded, failure]).toEqual([length, false, undefined]);
    }
    expect(read(bytes.subarray(0, end)).hasEnded).toBe(true);
  });

  test("that was answered whole is written as events, by either protocol", () => {
    for (const [fixture, adapter] of [
      [CHAT, qwen],
      [NATIVE, native],
    ] as const) {
      const answer = read(answerBytes(fixture), [3], adapter);
      expect(answer.shown).toEqual([{ type: "transcript.text.delta", delta: "开门。" }]);
      expect(answer.closing).toMatchObject({ type: "transcript.text.done", text: "开门。" });
      expect([answer.hasEnded, answer.chars]).toEqual([true, 3]);
    }
  });

  const chunk = (value: object): string => `data: ${JSON.stringify(value)}\n\n`;

  test.each([
    ["an error", chunk({ error: { message: `no ${SECRET}`, code: "internal_error" } })],
    ["an error of DashScope's own", chunk({ code: "InternalError", message: "no" })],
    ["no JSON", "data: nonsense\n\n"],
    ["another end", chunk({ choices: [{ index: 0, delta: { content: "a" }, finish_reason: "length" }] })],
    ["an error in place of a stream", `{"code":"InternalError","message":"no ${SECRET}"}`],
    ["half an answer", '{"choices":[{"message":{"content":"a"'],
  ])("with %s is the vendor's failure, and shows no key", (_, text) => {
    const { failure, hasEnded } = read(Buffer.from(text));
    expect(failure).toMatchObject({ failure: { fault: "vendor" } });
    expect(hasEnded).toBe(false);
    expect(JSON.stringify(failure)).not.toContain(SECRET);
  });
});
