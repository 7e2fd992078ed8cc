import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { type Client, type Gateway, sluiceComment, startGateway } from "./gateway.ts";
import { HEARD, SOUND, type SoundVendor, SPEECH_USAGE, startSoundVendor } from "./mock-sound-vendor.ts";

/** Sound, moderations and rerank through the whole system, asked for by the published SDK. */
let vendor: SoundVendor;
let second: SoundVendor;
let gateway: Gateway;
let client: Client;
let openai: OpenAI;

const served = (model: string, price: object | string, operations: string[], vendorId = "openai") => ({
  vendor: vendorId,
  model,
  price,
  operations,
});

beforeAll(async () => {
  vendor = startSoundVendor();
  second = startSoundVendor();
  gateway = await startGateway({
    vendors: {
      openai: { adapter: "openai", baseUrl: vendor.url, keys: ["sk-vendor-secret-0001"] },
      // Of its own, so that its failures close no breaker for the others.
      cutting: { adapter: "openai", baseUrl: vendor.url, keys: ["sk-vendor-secret-0003"] },
      second: { adapter: "openai", baseUrl: second.url, keys: ["sk-vendor-secret-0002"] },
    },
    routing: { strategy: "priority" },
    models: {
      "tts-1": [served("tts-1", { characters: 15 }, ["speech"])],
      "tts-cut": [served("tts-1", { characters: 15 }, ["speech"], "cutting")],
      "tts-mini": [
        served("gpt-4o-mini-tts", { input: 0.6, output: 12 }, ["speech"]),
        served("tts-1", { characters: 15 }, ["speech"], "second"),
      ],
      "by-tokens": [served("tts-1", { input: 1, output: 12 }, ["speech"])],
      "whisper-1": [served("whisper-1", { second: 0.0001 }, ["transcription", "translation"])],
      "gpt-4o-transcribe": [
        served("gpt-4o-transcribe", { input: 2.5, audioInput: 6, output: 10 }, ["transcription"]),
      ],
      "omni-moderation-latest": [served("omni-moderation-latest", "free", ["moderation"])],
      "paid-moderation": [served("omni-moderation-latest", { call: 0.001 }, ["moderation"])],
    },
  });
  client = await gateway.client("10");
  openai = new OpenAI({ apiKey: client.key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
}, 60_000);
afterAll(async () => {
  await gateway.dispose();
  await Promise.all([vendor.stop(), second.stop()]);
}, 60_000);
beforeEach(() => {
  vendor.calls.length = 0;
  second.calls.length = 0;
});

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
    const answer = await client.get(`/v1/receipts/${id}`);
    if (answer.ok) return (await answer.json()) as Receipt;
    await answer.text();
    await Bun.sleep(20);
  }
}

const speak = (input: string, more: object = {}, headers: Record<string, string> = {}) =>
  client.post("/v1/audio/speech", { model: "tts-1", voice: "alloy", input, ...more }, headers);

describe("speech", () => {
  test("comes byte for byte, and is charged by the characters that were read aloud", async () => {
    const response = await openai.audio.speech.create({ model: "tts-1", voice: "alloy", input: "Grüße 👋" });
    expect(response.headers.get("content-type")).toBe("audio/mpeg");
    expect(Buffer.from(await response.arrayBuffer()).equals(SOUND)).toBe(true);
    expect(vendor.calls[0]?.fields).toEqual({ model: "tts-1", voice: "alloy", input: "Grüße 👋" });
    const receipt = await receiptOf(response);
    // Seven characters at 15 for a million.
    expect(receipt).toMatchObject({ charged: "0.000105", outcome: "completed", flags: [] });
    expect(receipt.usage.characters).toBe(7);
  });

  test("of a model that counts tokens comes as sound too, and is charged what its events say", async () => {
    const response = await speak("Hello", { model: "tts-mini" });
    expect(Buffer.from(await response.arrayBuffer()).equals(SOUND)).toBe(true);
    expect(vendor.calls[0]?.fields.stream_format).toBe("sse");
    // 14 × 0.6 + 101 × 12 for a million.
    expect(await receiptOf(response)).toMatchObject({ charged: "0.001221", flags: [] });
  });

  test("as events ends with its usage and [DONE], behind the charge", async () => {
    const response = await speak("Hello", { model: "tts-mini", stream_format: "sse" });
    const text = await response.text();
    const events = [...text.matchAll(/^data: (\{.*)$/gm)].map(([, json = ""]) => JSON.parse(json));
    const sound = events.filter(({ type }) => type === "speech.audio.delta");
    const bytes = Buffer.concat(sound.map(({ audio }) => Buffer.from(audio, "base64")));
    expect(bytes.equals(SOUND)).toBe(true);
    expect(events.at(-1)).toEqual({ type: "speech.audio.done", usage: SPEECH_USAGE });
    expect(text.trimEnd()).toEndWith("data: [DONE]");
    expect(sluiceComment(text)).toMatchObject({ outcome: "completed", cost: "0.001221" });
    expect(text.indexOf(": sluice")).toBeLessThan(text.indexOf("speech.audio.done"));
  });

  test("that is cut breaks the client's connection, and is never a normal end", async () => {
    const response = await speak("[cut] please", { model: "tts-cut" });
    expect(response.status).toBe(200);
    const ended = await response.bytes().then(
      () => "whole",
      () => "broken",
    );
    expect(ended).toBe("broken");
    expect(await receiptOf(response)).toMatchObject({ outcome: "truncated", charged: "0.00018" });
  });

  test("that is cut as events ends with an error event", async () => {
    const response = await speak("[cut] please", { model: "tts-mini", stream_format: "sse" });
    const text = await response.text();
    expect(text).toContain('"code":"stream_truncated"');
    expect(text).not.toContain("[DONE]");
    expect(text).not.toContain("speech.audio.done");
    const receipt = await receiptOf(response);
    expect(receipt).toMatchObject({ outcome: "truncated", flags: ["usage_estimated"] });
    expect(Number(receipt.charged)).toBeGreaterThan(0);
  });

  test("goes to the next vendor before its first byte", async () => {
    const response = await speak("[busy] now", { model: "tts-mini" });
    expect(Buffer.from(await response.bytes()).equals(SOUND)).toBe(true);
    expect([vendor.calls.length, second.calls.length]).toEqual([1, 1]);
    expect(response.headers.get("x-sluice-attempts")).toBe("2");
    expect(await receiptOf(response)).toMatchObject({ vendor: "second", charged: "0.00015" });
  });

  test("an error inside a 200 is a failure, and shows no key", async () => {
    const response = await speak("[json] now");
    expect(response.status).toBe(502);
    expect(await response.text()).not.toContain("secret-0001");
    expect(await receiptOf(response)).toMatchObject({ outcome: "failed", charged: "0" });
  });

  test("of a price that cannot be counted for is charged by likely tokens, never for nothing", async () => {
    const response = await speak("Hello there", { model: "by-tokens" });
    await response.bytes();
    const receipt = await receiptOf(response);
    expect(receipt.flags).toEqual(["usage_estimated"]);
    expect(Number(receipt.charged)).toBeGreaterThan(0);
  });

  test("is refused where it cannot be done: events of tts-1, resumable sound, no voice, too long", async () => {
    const code = async (response: Response) =>
      ((await response.json()) as { error: { code: string; param: string } }).error;
    expect(await code(await speak("a", { stream_format: "sse" }))).toMatchObject({
      code: "unsupported_parameter",
      param: "stream_format",
    });
    expect(await code(await speak("a", {}, { "x-sluice-resumable": "true" }))).toMatchObject({
      code: "invalid_request",
    });
    expect(await code(await speak("a", { voice: undefined }))).toMatchObject({ param: "voice" });
    expect(await code(await speak("a".repeat(4_097)))).toMatchObject({ param: "input" });
    expect(vendor.calls).toHaveLength(0);
  });

  test("with an idempotency key is made once", async () => {
    const headers = { "idempotency-key": "speech-1" };
    const first = await speak("Once only", {}, headers);
    const bytes = await first.bytes();
    const again = await speak("Once only", {}, headers);
    expect(Buffer.from(await again.bytes()).equals(bytes)).toBe(true);
    expect(again.headers.get("content-type")).toBe("audio/mpeg");
    expect(again.headers.get("x-request-id")).toBe(first.headers.get("x-request-id"));
    expect(vendor.calls).toHaveLength(1);
  });

  test("with an idempotency key that is cut is told as an error, since nothing has been sent", async () => {
    const response = await speak("[cut] once", { model: "tts-cut" }, { "idempotency-key": "speech-2" });
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ error: { code: "stream_truncated" } });
  });

  test("a client that leaves stops its vendor and pays for what it asked", async () => {
    const leave = new AbortController();
    const body = { model: "tts-1", voice: "alloy", input: "Leaving" };
    const response = await client.post("/v1/audio/speech", body, {}, leave.signal);
    expect(response.status).toBe(200);
    leave.abort();
    const receipt = await receiptOf(response);
    expect(["cancelled", "completed"]).toContain(receipt.outcome);
    expect(receipt.charged).toBe("0.000105");
  });
});

const recording = (name = "talk.mp3") => new File([SOUND], name, { type: "audio/mpeg" });

describe("transcriptions", () => {
  test("are charged by the seconds that the vendor counted", async () => {
    const { data, response } = await openai.audio.transcriptions
      .create({ model: "whisper-1", file: recording(), language: "en", temperature: 0.2 })
      .withResponse();
    expect(data.text).toBe(HEARD);
    expect(vendor.calls[0]).toMatchObject({
      path: "/v1/audio/transcriptions",
      fields: { model: "whisper-1", language: "en", temperature: "0.2", response_format: "json" },
      file: { name: "talk.mp3", bytes: SOUND.length },
    });
    expect(response.headers.get("x-sluice-cost")).toBe("0.0004");
    expect((await receiptOf(response)).usage.seconds).toBe(4);
  });

  test.each([
    ["text", `${HEARD}\n`],
    [
      "srt",
      "1\n00:00:00,000 --> 00:00:01,500\nThe quick\n\n2\n00:00:01,500 --> 01:02:03,005\nbrown fox.\n\n",
    ],
    [
      "vtt",
      "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nThe quick\n\n00:00:01.500 --> 01:02:03.005\nbrown fox.\n\n",
    ],
  ] as const)(
    "as %s are written here, out of an answer that tells its usage",
    async (response_format, expected) => {
      const { data, response } = await openai.audio.transcriptions
        .create({ model: "whisper-1", file: recording(), response_format })
        .withResponse();
      expect(data as unknown).toBe(expected);
      expect(response.headers.get("content-type")).toStartWith("text/plain");
      expect(await receiptOf(response)).toMatchObject({ charged: "0.0004", flags: [] });
    },
  );

  test("lists of a form stay lists", async () => {
    await openai.audio.transcriptions.create({
      model: "whisper-1",
      file: recording(),
      response_format: "verbose_json",
      timestamp_granularities: ["word", "segment"],
    });
    expect(vendor.calls[0]?.fields).toMatchObject({
      "timestamp_granularities[]": ["word", "segment"],
      response_format: "verbose_json",
    });
  });

  test("by tokens are charged by the kinds that the vendor counted", async () => {
    const { response } = await openai.audio.transcriptions
      .create({ model: "gpt-4o-transcribe", file: recording() })
      .withResponse();
    // 4 × 2.5 + 36 × 6 + 6 × 10 for a million.
    expect(await receiptOf(response)).toMatchObject({ charged: "0.000286", flags: [] });
  });

  test("stream, and end with what was said and its usage behind the charge", async () => {
    const stream = await openai.audio.transcriptions.create({
      model: "gpt-4o-transcribe",
      file: recording(),
      stream: true,
    });
    const events = [];
    for await (const event of stream) events.push(event);
    expect(
      events
        .slice(0, -1)
        .map((event) => ("delta" in event ? event.delta : ""))
        .join(""),
    ).toBe(HEARD);
    expect(events.at(-1)).toMatchObject({ type: "transcript.text.done", text: HEARD });
  });

  test("of a model that does not stream come as events all the same", async () => {
    const stream = await openai.audio.transcriptions.create({
      model: "whisper-1",
      file: recording(),
      stream: true,
    });
    const types = [];
    for await (const { type } of stream) types.push(type);
    expect(types).toEqual(["transcript.text.delta", "transcript.text.done"]);
  });

  test("that are cut end with an error, which the SDK throws", async () => {
    const stream = await openai.audio.transcriptions.create({
      model: "gpt-4o-transcribe",
      file: recording(),
      prompt: "[cut]",
      stream: true,
    });
    const reading = (async () => {
      for await (const _ of stream);
    })();
    await expect(reading).rejects.toThrow("ended before the answer was complete");
  });

  test("into English are charged by their length", async () => {
    const { data, response } = await openai.audio.translations
      .create({ model: "whisper-1", file: recording() })
      .withResponse();
    expect(data).toMatchObject({ text: HEARD });
    expect(vendor.calls[0]?.fields.response_format).toBe("verbose_json");
    expect(await receiptOf(response)).toMatchObject({ charged: "0.0008", flags: [] });
  });

  test("without a file, in an unknown form, or as JSON are refused by the field", async () => {
    const form = (fields: Record<string, string | File>) => {
      const body = new FormData();
      for (const [name, value] of Object.entries(fields)) body.append(name, value);
      return fetch(`${gateway.url}/v1/audio/transcriptions`, {
        method: "POST",
        headers: { authorization: `Bearer ${client.key}` },
        body,
      });
    };
    const param = async (response: Response) => {
      expect(response.status).toBe(400);
      return ((await response.json()) as { error: { param: string } }).error.param;
    };
    expect(await param(await form({ model: "whisper-1" }))).toBe("file");
    expect(await param(await form({ model: "whisper-1", file: recording(), response_format: "pdf" }))).toBe(
      "response_format",
    );
    expect(await param(await form({ model: "whisper-1", file: recording(), other: recording() }))).toBe(
      "other",
    );
    expect(await param(await client.post("/v1/audio/transcriptions", { model: "whisper-1" }))).toBe("file");
  });

  test("with an idempotency key are made once, though the form's boundary differs", async () => {
    const ask = () =>
      openai.audio.transcriptions.create(
        { model: "whisper-1", file: recording() },
        { headers: { "idempotency-key": "heard-1" } },
      );
    expect(await ask()).toMatchObject({ text: HEARD });
    expect(await ask()).toMatchObject({ text: HEARD });
    expect(vendor.calls).toHaveLength(1);
  });
});

describe("moderations", () => {
  test("are free where the price says so, recorded all the same, and have a model of their own", async () => {
    const { data, response } = await openai.moderations.create({ input: "I will" }).withResponse();
    expect(data.results[0]?.flagged).toBe(true);
    expect(await receiptOf(response)).toMatchObject({ charged: "0", flags: [], vendor: "openai" });
  });

  test("cost what their price says", async () => {
    const { response } = await openai.moderations
      .create({ model: "paid-moderation", input: ["a", "b"] })
      .withResponse();
    expect(await receiptOf(response)).toMatchObject({ charged: "0.001", flags: [] });
  });

  test("need their scope, and so does sound", async () => {
    const limited = await gateway.client("1", { scopes: ["chat"] });
    for (const [path, body] of [
      ["/v1/moderations", { input: "a" }],
      ["/v1/rerank", { model: "sandbox-rerank", query: "a", documents: ["b"] }],
      ["/v1/audio/speech", { model: "tts-1", voice: "a", input: "a" }],
    ] as const) {
      const response = await limited.post(path, body);
      expect([path, response.status]).toEqual([path, 403]);
      await response.text();
    }
  });
});

test("the books are right after all of it", async () => {
  const { ok, checks } = await gateway.admin<{ ok: boolean; checks: object[] }>("GET", "/ledger/reconcile");
  expect([ok, ok ? [] : checks]).toEqual([true, []]);
});
