import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Server } from "bun";
import OpenAI from "openai";
import { answerBytes, type Fixture, readFixtures, streamBytes } from "../src/adapters/testing/fixtures.ts";
import { type Client, type Gateway, sluiceComment, startGateway } from "./gateway.ts";

/** Speech and transcripts of Qwen through the whole system, asked for by the published SDK; the vendor says its fixtures. */
let vendor: Server<unknown>;
let gateway: Gateway;
let client: Client;
let openai: OpenAI;
const asked: { readonly path: string; readonly body: string }[] = [];

const SPEECH = fixtureOf("speech");
const CHAT = fixtureOf("transcript");
const NATIVE = fixtureOf("transcript-native");
const SAMPLES = Buffer.from([0, 1, 0, 2, 0, 3, 0, 4, 255, 254, 255, 253]);
/** Not longer than 4 seconds: what is held for is more than the two that are told. */
const MP3 = Uint8Array.from({ length: 4_000 }, (_, at) => [0xff, 0xfb][at] ?? at % 251);
const TEXT = "你好，Sluice。";

function fixtureOf(wanted: string): Fixture {
  const found = readFixtures("qwen/sound").exchanges.find(({ name }) => name === wanted);
  if (found === undefined) throw new Error(`the fixture ${wanted} is missing`);
  return found;
}

beforeAll(async () => {
  vendor = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
  const base = `http://127.0.0.1:${vendor.port}`;
  const speech = {
    vendor: "qwen",
    model: "qwen3-tts-flash",
    operations: ["speech"],
    price: { characters: 10 },
  };
  const heard = { model: "qwen3-asr-flash", operations: ["transcription"], price: { second: 0.000032 } };
  gateway = await startGateway({
    vendors: {
      qwen: { adapter: "qwen", baseUrl: `${base}/compatible-mode/v1`, keys: ["sk-qwen-secret-0001"] },
      // Of its own, so that its failures close no breaker for the others.
      failing: {
        adapter: "qwen",
        baseUrl: `${base}/failing/compatible-mode/v1`,
        keys: ["sk-qwen-secret-0003"],
      },
      "qwen-native": { adapter: "qwen", baseUrl: `${base}/api/v1`, keys: ["sk-qwen-secret-0002"] },
      openai: { adapter: "openai", baseUrl: `${base}/v1`, keys: ["sk-a"] },
    },
    routing: { strategy: "priority" },
    models: {
      voice: [speech],
      "failing-voice": [{ ...speech, vendor: "failing" }],
      "any-voice": [
        speech,
        { vendor: "openai", model: "tts-1", operations: ["speech"], price: { characters: 15 } },
      ],
      ears: [{ vendor: "qwen", ...heard }],
      "native-ears": [{ vendor: "qwen-native", ...heard }],
    },
  });
  client = await gateway.client("10");
  openai = new OpenAI({ apiKey: client.key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
}, 60_000);
afterAll(async () => {
  await gateway.dispose();
  await vendor.stop(true);
}, 60_000);
beforeEach(() => {
  asked.length = 0;
});

async function answer(request: Request): Promise<Response> {
  const { pathname: path } = new URL(request.url);
  const body = await request.text();
  asked.push({ path, body });
  if (path === "/v1/audio/speech") return new Response(MP3, { headers: { "content-type": "audio/mpeg" } });
  const events = (bytes: Uint8Array) =>
    new Response(bytes, { headers: { "content-type": "text/event-stream" } });
  if (body.includes('"voice"')) {
    const bytes = streamBytes(SPEECH);
    if (body.includes("[cut]")) return events(bytes.subarray(0, Buffer.from(bytes).indexOf("id:3")));
    if (!body.includes("[url]")) return events(bytes);
    return Response.json(JSON.parse(Buffer.from(answerBytes(SPEECH)).toString("utf8")));
  }
  if (path.startsWith("/api/v1/")) return new Response(answerBytes(NATIVE));
  return body.includes('"stream":true') ? events(streamBytes(CHAT)) : new Response(answerBytes(CHAT));
}

interface Receipt {
  readonly charged: string;
  readonly outcome: string;
  readonly vendor: string;
  readonly flags: readonly string[];
  readonly usage: Readonly<Record<string, number>>;
}

async function receiptOf(response: Response): Promise<Receipt> {
  const id = response.headers.get("x-request-id") ?? "";
  for (;;) {
    const told = await client.get(`/v1/receipts/${id}`);
    if (told.ok) return (await told.json()) as Receipt;
    await told.text();
    await Bun.sleep(20);
  }
}

const speak = (input: string, more: object = {}) =>
  client.post("/v1/audio/speech", { model: "voice", voice: "Cherry", input, ...more });

describe("speech", () => {
  test("is a WAV file, charged by the characters that Qwen counts", async () => {
    const response = await openai.audio.speech.create({ model: "voice", voice: "alloy", input: TEXT });
    expect(response.headers.get("content-type")).toBe("audio/wav");
    expect(response.headers.get("x-sluice-dropped")).toBe("voice, response_format");
    const sound = Buffer.from(await response.arrayBuffer());
    expect(sound.subarray(0, 4).toString("latin1")).toBe("RIFF");
    expect(sound.subarray(44).equals(SAMPLES)).toBe(true);
    expect(asked[0]?.path).toBe("/api/v1/services/aigc/multimodal-generation/generation");
    // Twelve, of which four are for two Han signs, at 10 for a million.
    expect(await receiptOf(response)).toMatchObject({
      charged: "0.00012",
      outcome: "completed",
      flags: [],
      usage: { characters: 12 },
    });
  });

  test("is samples where the client wants them", async () => {
    const response = await speak(TEXT, { response_format: "pcm" });
    expect(response.headers.get("content-type")).toBe("audio/pcm");
    expect(response.headers.get("x-sluice-dropped")).toBeNull();
    expect(Buffer.from(await response.arrayBuffer()).equals(SAMPLES)).toBe(true);
    await receiptOf(response);
  });

  test("as events ends with its usage and [DONE], behind the charge", async () => {
    const response = await speak(TEXT, { response_format: "pcm", stream_format: "sse" });
    const text = await response.text();
    const events = [...text.matchAll(/^data: (\{.*)$/gm)].map(([, json = ""]) => JSON.parse(json));
    const sound = events.filter(({ type }) => type === "speech.audio.delta");
    expect(Buffer.concat(sound.map(({ audio }) => Buffer.from(audio, "base64"))).equals(SAMPLES)).toBe(true);
    expect(events.at(-1)).toMatchObject({ type: "speech.audio.done", usage: { characters: 12 } });
    expect(sluiceComment(text)).toMatchObject({ outcome: "completed", cost: "0.00012" });
    expect(text.trimEnd()).toEndWith("data: [DONE]");
  });

  test("that is cut is charged for what was to be read, as Qwen counts it", async () => {
    const response = await speak("[cut] 你好", {
      model: "failing-voice",
      response_format: "pcm",
      stream_format: "sse",
    });
    expect(await response.text()).toContain('"code":"stream_truncated"');
    // Six, and two signs for four.
    expect(await receiptOf(response)).toMatchObject({ outcome: "truncated", charged: "0.0001", flags: [] });
  });

  test("of which only a URL comes is a failure, and nothing is fetched or charged", async () => {
    const response = await speak("[url]", { model: "failing-voice" });
    expect(response.status).toBe(502);
    expect(await response.text()).not.toContain("oss-cn-beijing");
    expect(await receiptOf(response)).toMatchObject({ outcome: "failed", charged: "0" });
  });

  test("in a format that Qwen does not have goes to a vendor that has it, else is refused by the field", async () => {
    const other = await speak("Hello", { model: "any-voice", response_format: "mp3" });
    expect(other.headers.get("x-sluice-vendor")).toBe("openai");
    expect([...(await other.bytes())]).toEqual([...MP3]);
    const alone = await speak("Hello", { response_format: "mp3" });
    expect(alone.status).toBe(400);
    expect(await alone.json()).toMatchObject({
      error: { code: "unsupported_parameter", param: "response_format" },
    });
    const long = await speak("a".repeat(601));
    expect(await long.json()).toMatchObject({ error: { param: "input" } });
  });
});

const recording = (name = "talk.mp3") => new File([MP3], name, { type: "audio/mpeg" });

describe("transcriptions", () => {
  test.each([
    ["ears", "/compatible-mode/v1/chat/completions"],
    ["native-ears", "/api/v1/services/aigc/multimodal-generation/generation"],
  ])("of %s are charged by the seconds that Qwen counted", async (model, path) => {
    const { data, response } = await openai.audio.transcriptions
      .create({ model, file: recording(), language: "zh", prompt: "Sluice", temperature: 0.2 })
      .withResponse();
    expect(data).toMatchObject({ text: "开门。", usage: { type: "duration", seconds: 2 } });
    expect(asked.map((call) => call.path)).toEqual([path]);
    expect(asked[0]?.body).toContain(`data:audio/mpeg;base64,${Buffer.from(MP3).toString("base64")}`);
    expect(response.headers.get("x-sluice-dropped")).toBe("temperature");
    expect(await receiptOf(response)).toMatchObject({
      charged: "0.000064",
      flags: [],
      usage: { seconds: 2 },
    });
  });

  test.each(["ears", "native-ears"])("of %s stream, and end with all of it and the usage", async (model) => {
    const stream = await openai.audio.transcriptions.create({ model, file: recording(), stream: true });
    const events = [];
    for await (const event of stream) events.push(event);
    const said = events.map((event) => (event.type === "transcript.text.delta" ? event.delta : ""));
    expect(said.join("")).toBe("开门。");
    expect(events.at(-1)).toMatchObject({ type: "transcript.text.done", text: "开门。" });
  });

  test("as text are one", async () => {
    const text: unknown = await openai.audio.transcriptions.create({
      model: "ears",
      file: recording(),
      response_format: "text",
    });
    expect(text).toBe("开门。\n");
  });

  test("with times are refused by the field, and so is a translation", async () => {
    const refusal = async (asking: Promise<unknown>) =>
      asking.then(
        () => "none",
        (thrown: unknown) => (thrown instanceof OpenAI.APIError ? `${thrown.status} ${thrown.param}` : "?"),
      );
    const create = openai.audio.transcriptions;
    expect(await refusal(create.create({ model: "ears", file: recording(), response_format: "srt" }))).toBe(
      "400 response_format",
    );
    expect(
      await refusal(create.create({ model: "ears", file: recording(), timestamp_granularities: ["word"] })),
    ).toBe("400 timestamp_granularities");
    expect(await refusal(openai.audio.translations.create({ model: "ears", file: recording() }))).toBe(
      "404 model",
    );
    expect(asked).toHaveLength(0);
  });
});

test("the books are right after all of it", async () => {
  const { ok, checks } = await gateway.admin<{ ok: boolean; checks: object[] }>("GET", "/ledger/reconcile");
  expect([ok, ok ? [] : checks]).toEqual([true, []]);
});
