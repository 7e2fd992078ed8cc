import { describe, expect, test } from "bun:test";
import type { GenerationRequest } from "../../core/generation.ts";
import { openai } from "../openai/index.ts";
import { requestOf } from "../testing/fixtures.ts";

const SOUND = {
  name: 'a "talk".mp3',
  contentType: "audio/mpeg",
  bytes: new Uint8Array([1, 2, 3, 13, 10, 45, 45]),
  likelySeconds: 3,
  mostSeconds: 9,
};
const ask = (body: object, operation: "transcription" | "translation" = "transcription", stream = false) =>
  ({ ...requestOf(operation, { ...body }, { stream }), sound: SOUND }) satisfies GenerationRequest;
const TARGET = { model: "whisper-1", baseUrl: "http://v/v1", secret: "sk-secret-0123456789" };

async function sent(request: GenerationRequest) {
  const call = openai.buildCall(request, TARGET);
  const form = await new Response(call.body, {
    headers: { "content-type": call.headers["content-type"] ?? "" },
  }).formData();
  const file = form.get("file");
  return { url: call.url, form, file: file instanceof File ? file : undefined };
}

describe("a form", () => {
  test("holds the recording byte for byte, the vendor's model, and lists as lists", async () => {
    const { url, form, file } = await sent(
      ask({
        model: "mine",
        language: "de",
        temperature: 0,
        timestamp_granularities: ["word", "segment"],
        prompt: null,
      }),
    );
    expect(url).toBe("http://v/v1/audio/transcriptions");
    expect([...((await file?.bytes()) ?? [])]).toEqual([...SOUND.bytes]);
    expect([form.get("model"), form.get("language"), form.get("temperature")]).toEqual([
      "whisper-1",
      "de",
      "0",
    ]);
    expect(form.getAll("timestamp_granularities[]")).toEqual(["word", "segment"]);
    expect([form.has("prompt"), form.has("stream")]).toEqual([false, false]);
  });

  test("is the same bytes for the same request", () => {
    const one = openai.buildCall(ask({ language: "de" }), TARGET);
    expect(openai.buildCall(ask({ language: "de" }), TARGET).body).toEqual(one.body);
    expect(openai.buildCall(ask({ language: "en" }), TARGET).headers).not.toEqual(one.headers);
  });

  test("cannot be ended by what a client writes into it", async () => {
    const { form } = await sent(
      ask({ prompt: 'x\r\n--sluice\r\ncontent-disposition: form-data; name="model"\r\n\r\nevil' }),
    );
    expect(form.getAll("model")).toEqual(["whisper-1"]);
  });

  test.each([
    ["transcription", undefined, "json"],
    ["transcription", "text", "json"],
    ["transcription", "srt", "verbose_json"],
    ["transcription", "diarized_json", "diarized_json"],
    ["translation", "json", "verbose_json"],
  ] as const)(
    "of a %s as %p asks for the form that tells its usage: %s",
    async (operation, response_format, asked) => {
      const { form } = await sent(ask({ response_format }, operation));
      expect(form.get("response_format")).toBe(asked);
    },
  );
});

const answered = (
  body: object,
  answer: object,
  operation: "transcription" | "translation" = "transcription",
) => openai.readAnswer(ask(body, operation), Buffer.from(JSON.stringify(answer)));

describe("an answer", () => {
  test.each([
    [{ usage: { type: "duration", seconds: 3.2 } }, { seconds: 4 }],
    [{ duration: 7.01 }, { seconds: 8 }],
    [{ duration: "2.0" }, { seconds: 2 }],
    [
      {
        usage: {
          type: "tokens",
          input_tokens: 40,
          input_token_details: { text_tokens: 4, audio_tokens: 36 },
          output_tokens: 6,
        },
      },
      { input: 4, audioInput: 36, output: 6 },
    ],
    [
      { usage: { type: "tokens", input_tokens: 40, output_tokens: 6 } },
      { input: 0, audioInput: 40, output: 6 },
    ],
    [{ usage: { type: "duration", seconds: -3 } }, undefined],
    [{}, undefined],
  ])("that tells %j has used %j", (told, usage) => {
    const answer = answered({}, { text: "hi", ...told });
    if (usage === undefined) expect(answer).toMatchObject({ ok: true, usage: undefined });
    else expect(answer).toMatchObject({ ok: true, usage });
  });

  test("of nothing but silence is an answer", () => {
    expect(answered({}, { text: "", usage: { type: "duration", seconds: 1 } })).toMatchObject({ ok: true });
  });

  test("as subtitles without times is a failure, as is one without a text, an error or a page", () => {
    expect(answered({ response_format: "srt" }, { text: "hi", segments: [{ text: "hi" }] }).ok).toBe(false);
    expect(answered({}, { words: [] }).ok).toBe(false);
    expect(answered({}, { error: { message: "no", type: "server_error" } }).ok).toBe(false);
    expect(openai.readAnswer(ask({}), Buffer.from("<html>")).ok).toBe(false);
  });

  test("of a translation shows the text alone, as OpenAI's does", () => {
    const answer = answered({}, { text: "hi", duration: 2, language: "german" }, "translation");
    expect(answer.ok && JSON.parse(Buffer.from(answer.body).toString())).toEqual({ text: "hi" });
  });
});
