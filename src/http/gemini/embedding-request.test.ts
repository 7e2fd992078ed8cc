import { expect, test } from "bun:test";
import type { SluiceError } from "../../core/errors.ts";
import { parseEmbed } from "./embedding-request.ts";

const content = (...texts: string[]) => ({ parts: texts.map((text) => ({ text })) });

test("one text, and many with the same wishes, are OpenAI's embeddings", () => {
  const one = parseEmbed(
    { content: content("a", "b"), taskType: "CLUSTERING", output_dimensionality: 8 },
    "m",
    false,
    50,
  );
  expect(one.request).toMatchObject({
    operation: "embedding",
    body: { model: "m", input: "a\nb", dimensions: 8 },
    native: { dialect: "gemini", body: { outputDimensionality: 8, taskType: "CLUSTERING" } },
  });
  expect(one.dropped).toEqual(["taskType"]);
  const requests = ["a", "b"].map((text) => ({ model: "models/m", content: content(text) }));
  const many = parseEmbed({ requests }, "m", true, 50);
  expect(many.request.body).toEqual({ model: "m", input: ["a", "b"] });
  expect(many.request.native).toEqual({ dialect: "gemini", body: { requests } });
});

test("wishes that differ, and what is no text, are for Gemini's models only", () => {
  const requests = [{ content: content("a"), outputDimensionality: 8 }, { content: content("b") }];
  expect(parseEmbed({ requests }, "m", true, 50).request.native?.only?.param).toBe("outputDimensionality");
  const picture = { parts: [{ inlineData: { mimeType: "image/png", data: "aGk=" } }] };
  expect(parseEmbed({ content: picture }, "m", false, 50).request.native?.only?.param).toBe("content");
});

test.each([
  [{}, false, "content"],
  [{ requests: [] }, true, "requests"],
  [{ requests: [{}] }, true, "requests[0].content"],
  [{ content: content("a"), outputDimensionality: "x" }, false, "outputDimensionality"],
  // Only the one text was looked at.
  [{ content: content("a"), requests: [{ content: content("b") }] }, false, "requests"],
  [
    { content: { parts: [{ fileData: { fileUri: "https://example.org/v" } }] } },
    false,
    "content.parts[0].fileData",
  ],
  [
    { requests: [{ content: { parts: [{ text: "a", fileData: {} }] } }] },
    true,
    "requests[0].content.parts[0].fileData",
  ],
] as const)("%j is refused, naming the field", (body, isBatch, param) => {
  let thrown: unknown;
  try {
    parseEmbed(body, "m", isBatch, 50);
  } catch (error) {
    thrown = error;
  }
  expect((thrown as SluiceError).detail.param).toBe(param);
});
