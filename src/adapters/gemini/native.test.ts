import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../core/generation.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import { seededRandom } from "../../core/random.ts";
import type { Target } from "../adapter.ts";
import { answerBytes, readFixtures, requestOf, streamBytes } from "../testing/fixtures.ts";
import { readAll, summarize } from "../testing/reading.ts";
import { createGemini } from "./index.ts";

/** Clients of Gemini's dialect at a vendor that speaks it: bytes pass through. */
const gemini = createGemini(new ManualClock());
const { exchanges } = readFixtures("gemini");
const CONTENTS = [{ role: "user", parts: [{ text: "hi" }] }];

function requestFor(body: JsonObject, stream = false) {
  const native = { dialect: "gemini", body } as const;
  return requestOf("chat", { messages: [{ role: "user", content: "hi" }] }, { native, stream });
}

const NATIVE = requestFor({ contents: CONTENTS }, true);

function asked(body: JsonObject, target: Partial<Target> = {}) {
  const call = gemini.buildCall(requestFor({ contents: CONTENTS, ...body }), {
    ...{ model: "gemini-2.5-pro", baseUrl: "http://v", secret: "s" },
    ...target,
  });
  return { body: JSON.parse(String(call.body)) as JsonObject, call };
}

describe.each(exchanges.filter(({ stream }) => stream !== undefined))("the stream $name", (fixture) => {
  test.each(["\n", "\r\n"] as const)("with line ends %j is handed on byte for byte", (newline) => {
    const bytes = streamBytes(fixture, newline);
    const { bytes: shown, events } = readAll(gemini.openStream(NATIVE, "passthrough"), [bytes]);
    expect(Buffer.from(shown).equals(Buffer.from(bytes))).toBe(true);
    expect(summarize(events)).toMatchObject({
      text: "",
      finish: fixture.expected.finish,
      usage: fixture.expected.usage,
      hasEnded: true,
    });
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
    const whole = readAll(gemini.openStream(NATIVE, "passthrough"), [bytes]);
    const split = readAll(gemini.openStream(NATIVE, "passthrough"), pieces);
    expect(Buffer.from(split.bytes).equals(Buffer.from(whole.bytes))).toBe(true);
    expect(split.events).toEqual(whole.events);
  });

  test("counts and remembers what a translated one does", () => {
    const bytes = streamBytes(fixture);
    const own = gemini.openStream(NATIVE, "passthrough", "", true);
    const translated = gemini.openStream(requestOf("chat", {}), "passthrough", "", true);
    readAll(own, [bytes]);
    readAll(translated, [bytes]);
    expect(own.delivered).toEqual(translated.delivered);
    expect(own.deliveredAtUsage).toEqual(translated.deliveredAtUsage);
    expect(own.said?.text()).toBe(translated.said?.text() ?? "?");
    expect(own.said?.isBeyondText).toBe(translated.said?.isBeyondText);
  });
});

test.each(exchanges)("the whole answer of $name is handed on byte for byte, and counted", (fixture) => {
  const { operation, request } = fixture;
  const native = { dialect: "gemini", body: { contents: CONTENTS } } as const;
  const bytes = answerBytes(fixture);
  const read = gemini.readAnswer(requestOf(operation, request, { native }), bytes);
  const translated = gemini.readAnswer(requestOf(operation, request), bytes);
  if (!read.ok || !translated.ok) throw new Error("not an answer");
  expect(Buffer.from(read.body).equals(Buffer.from(bytes))).toBe(true);
  expect(read.dialect).toBe("gemini");
  expect([read.usage, read.finishReasons]).toEqual([translated.usage, translated.finishReasons]);
});

test("comments, ids and errors of a stream are not a client's", () => {
  const said = (text: string): string =>
    `data: ${JSON.stringify({ candidates: [{ content: { parts: [{ text }] }, index: 0 }] })}\n\n`;
  const comment = ': sluice {"outcome":"completed","cost":"0"}\n\n';
  const error = 'data: {"error":{"code":503,"status":"UNAVAILABLE","message":"x"}}\n\n';
  const bytes = Buffer.from(
    `\ufeff${said("a")}${comment}id: 7\n: sluice {}\n${said("b")}${error}${said("c")}`,
  );
  const read = readAll(gemini.openStream(NATIVE, "passthrough"), [bytes]);
  expect(Buffer.from(read.bytes).toString("utf8")).toBe(said("a") + said("b"));
  expect(summarize(read.events).failure).toMatchObject({ vendorCode: "UNAVAILABLE" });
});

describe("a client's own body", () => {
  test("goes out as it came, for the vendor's model", () => {
    const body = {
      contents: [
        { role: "user", parts: [{ text: "hi" }, { inlineData: { mimeType: "image/png", data: "aGk=" } }] },
        { role: "model", parts: [{ functionCall: { name: "f", args: {} }, thoughtSignature: "sig=" }] },
        { role: "user", parts: [{ functionResponse: { name: "f", response: { output: 1 } } }] },
      ],
      systemInstruction: { parts: [{ text: "Be kind." }] },
      tools: [{ functionDeclarations: [{ name: "f", parameters: { type: "OBJECT" } }] }],
      toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["f"] } },
      generationConfig: { topK: 3, candidateCount: 2, thinkingConfig: { thinkingBudget: -1 } },
      safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "OFF" }],
    };
    const { body: sent, call } = asked(body, { model: "gemini-3-pro-preview" });
    expect(sent).toEqual(body);
    expect(call.dropped).toBeUndefined();
    expect(call.url).toBe("http://v/v1beta/models/gemini-3-pro-preview:generateContent");
    expect(gemini.buildCall(NATIVE, { model: "m", baseUrl: "http://v", secret: "s" }).url).toBe(
      "http://v/v1beta/models/m:streamGenerateContent?alt=sse",
    );
  });

  test("keeps to the cap of the balance and to the model's own limit", () => {
    const limited = (target: Partial<Target>, maxOutputTokens?: number) =>
      asked(maxOutputTokens === undefined ? {} : { generationConfig: { maxOutputTokens } }, target).body
        .generationConfig;
    expect(limited({ cappedOutputTokens: 40 }, 100)).toEqual({ maxOutputTokens: 40 });
    expect(limited({ cappedOutputTokens: 400 }, 100)).toEqual({ maxOutputTokens: 100 });
    expect(limited({ maxOutputTokens: 50 }, 100)).toEqual({ maxOutputTokens: 50 });
    expect(limited({ cappedOutputTokens: 40 })).toEqual({ maxOutputTokens: 40 });
    expect(limited({ maxOutputTokens: 50 })).toBeUndefined();
  });

  test("loses what the price does not cover or belongs to the platform's account, and that is told", () => {
    const { body, call } = asked({
      serviceTier: "priority",
      labels: { a: "b" },
      generationConfig: { seed: 1, speechConfig: { voiceConfig: {} } },
    });
    expect(body).toEqual({ contents: CONTENTS, generationConfig: { seed: 1 } });
    expect(call.dropped?.toSorted()).toEqual(["generationConfig.speechConfig", "labels", "serviceTier"]);
  });

  test("marks calls of other vendors for models that demand a signature, and those alone", () => {
    const called = (name: string, thoughtSignature?: string) => ({
      functionCall: { name, args: {} },
      ...(thoughtSignature === undefined ? {} : { thoughtSignature }),
    });
    const contents = [
      { role: "model", parts: [{ text: "so" }, called("a"), called("b")] },
      { role: "model", parts: [called("a", "sig"), called("b")] },
    ];
    expect(asked({ contents }).body.contents).toEqual(contents);
    expect(asked({ contents }, { model: "gemini-3-pro-preview" }).body.contents).toEqual([
      {
        role: "model",
        parts: [{ text: "so" }, called("a", "skip_thought_signature_validator"), called("b")],
      },
      contents[1],
    ]);
  });
});

test("texts to embed go out as they came, one or many, each for the vendor's model", () => {
  const target = { model: "gemini-embedding-001", baseUrl: "http://v", secret: "s" };
  const one = { content: { parts: [{ text: "a" }] }, taskType: "CLUSTERING", outputDimensionality: 8 };
  const sent = (body: JsonObject) => {
    const native = { dialect: "gemini", body } as const;
    const call = gemini.buildCall(requestOf("embedding", { input: "a" }, { native }), target);
    return [call.url.split("/").at(-1), JSON.parse(String(call.body)), call.dropped];
  };
  const own = { model: "models/gemini-embedding-001", ...one };
  expect(sent(one)).toEqual(["gemini-embedding-001:embedContent", own, undefined]);
  expect(sent({ requests: [{ ...one, model: "models/public", autoTruncate: true }] })).toEqual([
    "gemini-embedding-001:batchEmbedContents",
    { requests: [own] },
    ["autoTruncate"],
  ]);
});

describe("a prompt's tokens", () => {
  const target = { model: "gemini-2.5-pro", baseUrl: "http://v", secret: "s" };
  const { counting } = gemini;
  if (counting === undefined) throw new Error("does not count");

  test("are counted of all that would be sent, in the client's words or in a chat's", () => {
    const body = { contents: CONTENTS, systemInstruction: { parts: [{ text: "s" }] } };
    const sent = (request: ReturnType<typeof requestFor>) => {
      const call = counting.buildCall(request, target);
      return [call.url, JSON.parse(String(call.body))];
    };
    const messages = [
      { role: "system", content: "s" },
      { role: "user", content: "hi" },
    ];
    const asked = [
      "http://v/v1beta/models/gemini-2.5-pro:countTokens",
      { generateContentRequest: { model: "models/gemini-2.5-pro", ...body } },
    ];
    expect(sent(requestFor(body))).toEqual(asked);
    expect(sent(requestOf("chat", { messages }))).toEqual(asked);
  });

  test.each([
    ['{"totalTokens":7}', 7],
    ['{"totalTokens":-1}', undefined],
    ['{"totalTokens":1.5}', undefined],
    ["{}", undefined],
    ["<html>", undefined],
  ])("of the answer %s are %p", (answer, expected) => {
    expect(counting.readCount(Buffer.from(answer))).toBe(expected);
  });
});
