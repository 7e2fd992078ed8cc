import { describe, expect, test } from "bun:test";
import { systemClock } from "../../../core/clock.ts";
import type { GenerationRequest, JsonObject } from "../../../core/generation.ts";
import { requestOf } from "../../testing/fixtures.ts";
import { createSandbox } from "../index.ts";

const sandbox = createSandbox(systemClock);
const FAST = { sandbox: { first_token_ms: 0 } };

async function asked(request: GenerationRequest): Promise<Response> {
  const { transport } = sandbox;
  if (transport === undefined) throw new Error("the sandbox has no transport");
  const call = sandbox.buildCall(request, { model: "sandbox-x", baseUrl: "sandbox://local/v1", secret: "" });
  const answer = await transport(call, new AbortController().signal);
  if (answer instanceof Response) return answer;
  throw new Error("the sandbox answers with a Response");
}
const speak = (body: JsonObject) =>
  asked(requestOf("speech", { voice: "any", ...FAST, ...body }, { stream: true }));
const hear = (bytes: Uint8Array, body: JsonObject = {}) =>
  asked({
    ...requestOf("transcription", { ...FAST, ...body }),
    sound: { name: "a.wav", contentType: "audio/wav", bytes, likelySeconds: 1, mostSeconds: 1 },
  });

describe("the sandbox's voice", () => {
  test("is a WAV whose header is right, the same for the same text", async () => {
    const one = Buffer.from(await (await speak({ input: "Open the gate" })).bytes());
    expect(one.toString("latin1", 0, 4) + one.toString("latin1", 8, 12)).toBe("RIFFWAVE");
    expect(one.readUInt32LE(4)).toBe(one.length - 8);
    expect(one.readUInt32LE(24)).toBe(24_000);
    const data = one.indexOf("data");
    expect(one.readUInt32LE(data + 4)).toBe(one.length - data - 8);
    const again = await (await speak({ input: "Open the gate" })).bytes();
    expect(one.equals(again)).toBe(true);
  });

  test("as pcm is samples alone: 60 ms for each sign", async () => {
    const pcm = await (await speak({ input: "abcde", response_format: "pcm" })).bytes();
    expect(pcm.length).toBe(5 * 0.06 * 48_000);
  });

  test("is heard word for word, in any writing", async () => {
    const wav = await (await speak({ input: "Öffne das Tor, 打开 👋" })).bytes();
    expect(await (await hear(wav)).json()).toEqual({
      text: "Öffne das Tor, 打开 👋",
      usage: { type: "duration", seconds: 2 },
    });
  });
});

test("a recording of somebody else has as many words as it has time for, always the same", async () => {
  const bytes = new Uint8Array(80_000);
  const { text } = (await (await hear(bytes)).json()) as { text: string };
  expect(text.split(" ")).toHaveLength(25);
  expect(await (await hear(bytes)).json()).toMatchObject({ text });
});

test("rerank prefers documents that share words with the query", async () => {
  const documents = ["bread rises", "a sluice is a gate", "the gate"];
  const answer = await asked(requestOf("rerank", { query: "The gate", documents, ...FAST }));
  const { results } = (await answer.json()) as { results: { index: number }[] };
  expect(results.map(({ index }) => index)).toEqual([2, 1, 0]);
});

test("moderations flag what has a word for it", async () => {
  const answer = await asked(requestOf("moderation", { input: ["hello", "I kill you"], ...FAST }));
  const { results } = (await answer.json()) as { results: { flagged: boolean }[] };
  expect(results.map(({ flagged }) => flagged)).toEqual([false, true]);
});

test.each([
  ["429", 429],
  ["503", 503],
])("each of them can be told to fail: %s", async (fail, status) => {
  const response = await asked(requestOf("moderation", { input: `[[sandbox fail=${fail}]]` }));
  expect(response.status).toBe(status);
});
