import { describe, expect, test } from "bun:test";
import { SluiceError } from "../../core/errors.ts";
import { mostOutput, mostPrompt } from "../most-tokens.ts";
import { routeOf } from "../testing/fixtures.ts";
import { parseChat } from "./chat.ts";
import { parseCompletion } from "./completion.ts";
import { parseEmbedding } from "./embedding.ts";

const chat = (extra: object = {}) => ({ model: "m", messages: [{ role: "user", content: "hi" }], ...extra });

function refusal(run: () => unknown): SluiceError {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof SluiceError) return thrown;
  }
  throw new Error("was not refused");
}

describe("a chat request", () => {
  test("gives what routing and metering need and keeps the body", () => {
    const body = chat({
      stream: true,
      stream_options: { include_usage: true },
      n: 2,
      max_tokens: 50,
      odd: { x: 1 },
    });
    const request = parseChat(body, 200);
    expect(request).toMatchObject({
      operation: "chat",
      model: "m",
      stream: true,
      includeUsage: true,
      choices: 2,
      maxOutputTokens: 50,
      promptTokens: 100,
      usesTools: false,
      usesImages: false,
    });
    expect(request.body).toBe(body);
  });

  test("prefers max_completion_tokens and takes null for absent", () => {
    expect(parseChat(chat({ max_completion_tokens: 7, max_tokens: 9 }), 10).maxOutputTokens).toBe(7);
    expect(
      parseChat(chat({ max_completion_tokens: null, n: null, stop: null }), 10).maxOutputTokens,
    ).toBeUndefined();
  });

  test("counts an inline image as an image and not as text", () => {
    const url = `data:image/png;base64,${"A".repeat(100_000)}`;
    const messages = [
      {
        role: "user",
        content: [
          { type: "text", text: "?" },
          { type: "image_url", image_url: { url } },
        ],
      },
    ];
    const request = parseChat({ model: "m", messages }, 100_200);
    expect(request.usesImages).toBe(true);
    expect(request.promptTokens).toBeLessThan(20_000);
    expect(request.promptTokens).toBeGreaterThan(1_000);
  });

  test.each([
    [null, "body"],
    [[], "body"],
    [{ messages: [] }, "model"],
    [{ model: 5, messages: [] }, "model"],
    [{ model: "m" }, "messages"],
    [{ model: "m", messages: {} }, "messages"],
    [{ model: "m", messages: [] }, "messages"],
    [{ model: "m", messages: ["x"] }, "messages[0]"],
    [{ model: "m", messages: [{ role: "robot", content: "x" }] }, "messages[0].role"],
    [{ model: "m", messages: [{ role: "user", content: 5 }] }, "messages[0].content"],
    [{ model: "m", messages: [{ role: "user", content: [{}] }] }, "messages[0].content[0].type"],
    [
      { model: "m", messages: [{ role: "user", content: [{ type: "image_url" }] }] },
      "messages[0].content[0].image_url",
    ],
    [chat({ stream: "yes" }), "stream"],
    [chat({ temperature: "hot" }), "temperature"],
    [chat(JSON.parse('{"temperature":1e400}') as object), "temperature"],
    [chat({ n: 0 }), "n"],
    [chat({ n: 1.5 }), "n"],
    [chat({ max_tokens: -1 }), "max_tokens"],
    [chat({ stop: [1] }), "stop"],
    [chat({ tools: {} }), "tools"],
    [chat({ stream_options: {} }), "stream_options"],
    [chat({ stream: true, stream_options: { include_usage: 1 } }), "stream_options.include_usage"],
  ])("%j is refused naming %p", (body, param) => {
    const error = refusal(() => parseChat(body, 10));
    expect(error.code).toBe("invalid_request");
    expect(error.detail.param).toBe(param);
  });
});

test("a film, and sound by its address, are held for as the most that models read of them", () => {
  const held = (...content: object[]) =>
    parseChat({ model: "m", messages: [{ role: "user", content }] }, 100).promptTokens;
  const plain = held({ type: "text", text: "a" });
  for (const part of [
    { type: "video_url", video_url: { url: "https://x.test/a.mp4" } },
    { type: "video", video: ["https://x.test/1.png"] },
    { type: "file", file: { file_data: "data:video/mp4;base64,AA" } },
    { type: "input_audio", input_audio: { data: "https://x.test/a.wav", format: "wav" } },
  ])
    expect(held(part, part)).toBe(plain + 262_144);
  expect(held({ type: "input_audio", input_audio: { data: "AA", format: "wav" } })).toBe(plain);
});

test("a file that is kept at a vendor is refused, since it may be another client's", () => {
  const content = [{ type: "file", file: { file_id: "file-1", file_data: "data:," } }];
  const error = refusal(() => parseChat({ model: "m", messages: [{ role: "user", content }] }, 10));
  expect([error.code, error.detail.param]).toEqual([
    "unsupported_parameter",
    "messages[0].content[0].file.file_id",
  ]);
});

test("fields that are called like what every object has are as unknown as others", () => {
  const body = JSON.parse('{"constructor":1,"toString":{},"__proto__":{"n":9}}') as object;
  expect(parseChat(chat(body), 10).choices).toBe(1);
});

test("a body that is nested beyond measure is refused, one that is merely deep is not", () => {
  const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
  expect(parseChat(chat({ metadata: { a: nested(400) } }), 10).model).toBe("m");
  expect(refusal(() => parseChat(chat({ metadata: { a: nested(600) } }), 10)).message).toContain("nested");
  const deep = JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`);
  expect(refusal(() => parseEmbedding({ model: "m", input: deep }, 10)).message).toContain("nested");
});

describe("a legacy completion", () => {
  test("multiplies choices by prompts and has OpenAI's default length", () => {
    expect(parseCompletion({ model: "m", prompt: ["a", "b"], n: 2 }, 10)).toMatchObject({
      choices: 4,
      maxOutputTokens: 16,
    });
    expect(parseCompletion({ model: "m", prompt: [1, 2, 3] }, 10).choices).toBe(1);
  });

  test("tells every vendor the length that is held for, since their own defaults differ", () => {
    expect(parseCompletion({ model: "m", prompt: "a" }, 10).body.max_tokens).toBe(16);
    expect(parseCompletion({ model: "m", prompt: "a", max_tokens: 7 }, 10).body.max_tokens).toBe(7);
  });

  test.each([[{ model: "m" }], [{ model: "m", prompt: 5 }], [{ model: "m", prompt: [] }]])(
    "%j is refused",
    (body) => {
      expect(refusal(() => parseCompletion(body, 10)).detail.param).toBe("prompt");
    },
  );
});

describe("an embedding request", () => {
  test("holds for no output", () => {
    expect(parseEmbedding({ model: "m", input: ["a"] }, 10)).toMatchObject({
      maxOutputTokens: 0,
      stream: false,
    });
  });

  test.each([
    [{ model: "m" }, "input"],
    [{ model: "m", input: [] }, "input"],
    [{ model: "m", input: 5 }, "input"],
    [{ model: "m", input: "x", encoding_format: "hex" }, "encoding_format"],
  ])("%j is refused naming %p", (body, param) => {
    expect(refusal(() => parseEmbedding(body, 10)).detail.param).toBe(param);
  });
});

describe("what a model can count of a chat at most", () => {
  const picture = (detail?: string) => ({
    type: "image_url",
    image_url: { url: "https://x.test/a.png", ...(detail === undefined ? {} : { detail }) },
  });
  const asked = (...content: object[]) =>
    parseChat({ model: "m", messages: [{ role: "user", content }] }, 100);
  const at = (model: string) => ({ ...routeOf("v", { input: 1n, output: 1n }), model });

  test("is more for a picture at gpt-4o-mini, which has its own count, unless it is seen in low detail", () => {
    const more = (model: string, ...content: object[]) => {
      const request = asked(...content);
      return mostPrompt(at(model), request) - request.promptTokens;
    };
    expect(asked(picture()).promptTokens).toBeGreaterThan(16_384);
    expect(more("gpt-4o", picture(), picture("high"))).toBe(0);
    expect(more("gpt-4o-mini-2024-07-18", picture())).toBe(48_169 - 16_384);
    expect(more("openai/gpt-4o-mini", picture("high"), picture("auto"))).toBe(2 * (48_169 - 16_384));
    expect(more("gpt-4o-mini", picture("low"))).toBe(0);
    const deployed = { ...asked(picture()), model: "gpt-4o-mini" };
    expect(mostPrompt(at("my-deployment"), deployed) - deployed.promptTokens).toBe(48_169 - 16_384);
  });

  test("is the answer and the prediction of it, of which unused tokens are billed, too", () => {
    const prediction = { type: "content", content: "x".repeat(998) };
    const request = parseChat(chat({ max_tokens: 50, prediction }), 1_100);
    expect(mostOutput(at("m"), request)).toBe(50 + 500);
    expect(mostOutput(at("m"), request, 10)).toBe(10 + 500);
    expect(mostOutput(at("m"), parseChat(chat({ prediction: null }), 10))).toBe(100);
    const parts = { type: "content", content: [{ type: "text", text: "x".repeat(1_000) }] };
    expect(parseChat(chat({ prediction: parts }), 10).predictedTokens).toBeGreaterThan(500);
    expect(refusal(() => parseChat(chat({ prediction: "x" }), 10)).detail.param).toBe("prediction");
  });
});
