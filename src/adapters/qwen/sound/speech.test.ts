import { describe, expect, test } from "bun:test";
import type { GenerationRequest } from "../../../core/generation.ts";
import { ManualClock } from "../../../core/manual-clock.ts";
import { seededRandom } from "../../../core/random.ts";
import { isObject } from "../../json.ts";
import { readFrames } from "../../sse/event-stream.ts";
import { answerBytes, type Fixture, readFixtures, requestOf, streamBytes } from "../../testing/fixtures.ts";
import { qwen } from "../index.ts";
import { createQwenNative } from "../native/adapter.ts";
import { billedCharacters } from "./characters.ts";
import { waveHeader } from "./wave.ts";

const SECRET = "sk-qwen-0123456789abcdefghijklm";
const TARGET = {
  model: "qwen3-tts-flash",
  baseUrl: "https://dashscope.aliyuncs.com/compatible-mode/v1",
  secret: SECRET,
};
const native = createQwenNative(new ManualClock());
const FIXTURE = fixtureOf("speech");
const SAMPLES = Buffer.from([0, 1, 0, 2, 0, 3, 0, 4, 255, 254, 255, 253]);

function fixtureOf(wanted: string): Fixture {
  const found = readFixtures("qwen/sound").exchanges.find(({ name }) => name === wanted);
  if (found === undefined) throw new Error(`the fixture ${wanted} is missing`);
  return found;
}

const ask = (body: object): GenerationRequest =>
  requestOf("speech", { input: "Hello", voice: "Cherry", ...body }, { stream: true });

function sent(body: object, target = TARGET) {
  const call = qwen.buildCall(ask(body), target);
  const parsed: unknown = JSON.parse(String(call.body));
  if (!isObject(parsed)) throw new Error("no object");
  return { ...call, body: parsed };
}

function refused(body: object, model = TARGET.model): string {
  try {
    qwen.buildCall(ask(body), { ...TARGET, model });
  } catch (thrown) {
    if (isObject(thrown) && isObject(thrown.detail)) return `${thrown.code} ${thrown.detail.param}`;
    throw thrown;
  }
  return "sent";
}

/** @param cuts where the reads end */
function read(bytes: Uint8Array, body: object = {}, cuts: readonly number[] = [], adapter = qwen) {
  const reader = adapter.openStream(ask({ ...FIXTURE.request, ...body }), "passthrough", SECRET);
  const passages = [];
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    passages.push(reader.push(bytes.subarray(from, to)));
    from = to;
  }
  passages.push(reader.close());
  const events = passages.flatMap((passage) => passage.events);
  return {
    bytes: Buffer.concat(passages.map(({ bytes: piece }) => piece ?? new Uint8Array())),
    closing: passages.flatMap(({ closing }) => (closing === undefined ? [] : [closing]))[0],
    events,
    usage: events.filter(({ type }) => type === "usage").at(-1),
    failure: events.find(({ type }) => type === "failure"),
    hasEnded: events.at(-1)?.type === "end",
    hasContent: passages.some(({ hasContent }) => hasContent),
  };
}

test("a Han sign is billed as two characters, anything else as one", () => {
  expect(billedCharacters("你好，Sluice。")).toBe(12);
  // Kanji and Hanja are Han signs, kana and Hangul are not; an emoji is one sign.
  expect(billedCharacters("日本 のこ 한 大韓 👋")).toBe(4 + 1 + 2 + 1 + 1 + 1 + 4 + 1 + 1);
  expect(qwen.countCharacters?.("你好")).toBe(4);
  expect(native.countCharacters?.("你好")).toBe(4);
});

describe("a call", () => {
  test("asks DashScope for events, at the host of the base URL", () => {
    const { url, headers, body, dropped } = sent({ response_format: "wav", language_type: "English" });
    expect(url).toBe("https://dashscope.aliyuncs.com/api/v1/services/aigc/multimodal-generation/generation");
    expect(headers).toMatchObject({ authorization: `Bearer ${SECRET}`, "x-dashscope-sse": "enable" });
    expect(body).toEqual({
      model: "qwen3-tts-flash",
      input: { text: "Hello", voice: "Cherry", language_type: "English" },
    });
    expect(dropped).toBeUndefined();
    const own = native.buildCall(ask({}), { ...TARGET, baseUrl: "http://proxy/api/v1" });
    expect(own.url).toBe("http://proxy/api/v1/services/aigc/multimodal-generation/generation");
  });

  test("says what was given up: MP3, which OpenAI would give, speed, and instructions of a model without", () => {
    const body = { voice: "alloy", speed: 1.5, instructions: "Cheerfully.", user: "u", stream_format: "sse" };
    expect(sent(body).dropped).toEqual(["voice", "response_format", "speed", "instructions", "user"]);
    expect(sent(body).body.input).toEqual({ text: "Hello", voice: "Cherry" });
    expect(sent({ voice: "onyx", response_format: "pcm", speed: 1, instructions: null }).dropped).toEqual([
      "voice",
    ]);
  });

  test("takes a voice that it does not know for one of Qwen's, whatever it is called", () => {
    const { body, dropped } = sent({ voice: "constructor", response_format: "pcm" });
    expect([body.input, dropped]).toEqual([{ text: "Hello", voice: "constructor" }, undefined]);
  });

  test("has instructions for the models that follow them", () => {
    const { body, dropped } = sent(
      { response_format: "pcm", instructions: "Cheerfully.", optimize_instructions: true },
      { ...TARGET, model: "qwen3-tts-instruct-flash" },
    );
    expect(body.input).toMatchObject({ instructions: "Cheerfully.", optimize_instructions: true });
    expect(dropped).toBeUndefined();
  });

  test.each([
    [{ response_format: "mp3" }, "response_format"],
    [{ voice: { id: "voice_1" } }, "voice"],
    [{ input: "a".repeat(601) }, "input"],
  ] as const)("that cannot be expressed is refused by its field: %j", (body, param) => {
    expect(refused(body)).toBe(`unsupported_parameter ${param}`);
  });

  test.each(["qwen-tts", "qwen3-tts-flash-realtime", "cosyvoice-v3", "qwen-audio-3.1-tts-flash"])(
    "to %s, which is billed or asked in another way, is refused",
    (model) => {
      expect(refused({}, model)).toBe("unsupported_parameter model");
    },
  );
});

describe("a stream", () => {
  test("as samples has them alone, and is billed what the vendor told", () => {
    for (const adapter of [qwen, native]) {
      const answer = read(streamBytes(FIXTURE), {}, [], adapter);
      expect(answer.bytes.equals(SAMPLES)).toBe(true);
      expect(answer.hasEnded).toBe(true);
      expect(answer.usage).toEqual({ type: "usage", usage: FIXTURE.expected.usage });
    }
  });

  test("as WAV has a header of an unknown length before them", () => {
    const { bytes } = read(streamBytes(FIXTURE), { response_format: undefined });
    expect(bytes.subarray(0, 4).toString("latin1")).toBe("RIFF");
    expect([bytes.readUInt32LE(24), bytes.readUInt16LE(34), bytes.readUInt16LE(22)]).toEqual([24_000, 16, 1]);
    expect(bytes.readUInt32LE(40)).toBe(0xffff_ffff);
    expect(bytes.subarray(44).equals(SAMPLES)).toBe(true);
  });

  test("as events has OpenAI's, and tells its usage in the last", () => {
    const { bytes, closing } = read(streamBytes(FIXTURE), { stream_format: "sse" });
    const events = [...readFrames(bytes.toString("utf8"))].map(({ data }) => JSON.parse(data ?? ""));
    expect(events.every(({ type }) => type === "speech.audio.delta")).toBe(true);
    const sound = Buffer.concat(events.map(({ audio }) => Buffer.from(audio, "base64")));
    expect(sound.equals(SAMPLES)).toBe(true);
    const [last] = [...readFrames(Buffer.from(closing ?? []).toString("utf8"))];
    expect(JSON.parse(last?.data ?? "")).toEqual({
      type: "speech.audio.done",
      usage: { input_tokens: 0, output_tokens: 0, total_tokens: 0, characters: 12 },
    });
  });

  test("means the same wherever its reads end, and with other line ends", () => {
    for (const newline of ["\n", "\r\n"] as const) {
      const bytes = streamBytes(FIXTURE, newline);
      for (let seed = 1; seed <= 8; seed += 1) {
        const random = seededRandom(seed);
        const cuts = Array.from({ length: 20 }, () => Math.floor(random.next() * bytes.length));
        const answer = read(
          bytes,
          {},
          cuts.toSorted((one, other) => one - other),
        );
        expect(answer.bytes.equals(SAMPLES)).toBe(true);
        expect([answer.hasEnded, answer.failure]).toEqual([true, undefined]);
      }
    }
  });

  test("that is cut anywhere never ends, and is billed once it has begun", () => {
    const bytes = streamBytes(FIXTURE);
    const end = Buffer.from(bytes).lastIndexOf("}") + 1;
    for (let length = 0; length < end; length += 1) {
      const answer = read(bytes.subarray(0, length));
      expect([length, answer.hasEnded, answer.failure]).toEqual([length, false, undefined]);
      expect(answer.usage !== undefined).toBe(answer.hasContent);
      if (answer.usage !== undefined) expect(answer.usage).toMatchObject({ usage: { characters: 12 } });
    }
    expect(read(bytes.subarray(0, end)).hasEnded).toBe(true);
  });

  const event = (value: object): Buffer => Buffer.from(`data:${JSON.stringify(value)}\n\n`);
  const spoken = (finish_reason: string, data: string) =>
    event({ output: { finish_reason, audio: { data } } });

  const headed = (rate: number): Buffer => {
    const header = Buffer.from(waveHeader());
    header.writeUInt32LE(rate, 24);
    return Buffer.concat([header, SAMPLES]);
  };

  test("that begins with a header of its own has one, or none", () => {
    const bytes = Buffer.concat([spoken("null", headed(24_000).toString("base64")), spoken("stop", "")]);
    expect(read(bytes).bytes.equals(SAMPLES)).toBe(true);
    expect(read(bytes, { response_format: "wav" }).bytes.equals(headed(24_000))).toBe(true);
  });

  test("of a vendor that never tells is billed as it is documented to count", () => {
    const answer = read(Buffer.concat([spoken("null", "AAEAAg=="), spoken("stop", "")]));
    expect(answer.usage).toMatchObject({ usage: { characters: 12 } });
    expect(answer.hasEnded).toBe(true);
  });

  test.each([
    ["an error", event({ code: "InternalError", message: `no ${SECRET}` })],
    ["an error beside an output", event({ code: "InternalError", message: "no", output: {} })],
    ["no output", event({ request_id: "r" })],
    ["no JSON", Buffer.from("data: nonsense\n\n")],
    ["half a header", spoken("null", Buffer.from("RIFF....WAVE").toString("base64"))],
    ["another rate", spoken("null", Buffer.from(headed(16_000)).toString("base64"))],
    ["an end without sound", spoken("stop", "")],
    ["another end", spoken("length", "AAEAAg==")],
    ["an answer with a URL in place of sound", answerBytes(FIXTURE)],
    ["an error that is no event", Buffer.from(`{"code":"InternalError","message":"no ${SECRET}"}`)],
    ["a page", Buffer.from("<html>502</html>")],
  ] as const)("with %s is the vendor's failure, and shows no key", (_, bytes) => {
    const { failure, hasEnded } = read(bytes);
    expect(failure).toMatchObject({ failure: { fault: "vendor", status: 200 } });
    expect(hasEnded).toBe(false);
    expect(JSON.stringify(failure)).not.toContain(SECRET);
    expect(JSON.stringify(failure)).not.toContain("oss-cn-beijing");
  });
});
