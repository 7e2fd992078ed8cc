import { describe, expect, test } from "bun:test";
import type { MediaRequest } from "../../../core/media.ts";
import { mediaConformance } from "../../media-conformance.suite.ts";
import {
  BASE64_PNG,
  editRequest,
  INLINE_PNG,
  MEDIA_SECRET,
  pictureRequest,
} from "../../testing/media-fixtures.ts";
import { geminiImages } from "./index.ts";
import { GEMINI_IMAGES } from "./testing/exchanges.ts";

mediaConformance(geminiImages, GEMINI_IMAGES);

const NEWER = "gemini-3.1-flash-image";
function said(request: MediaRequest, model = NEWER) {
  const baseUrl = "https://generativelanguage.googleapis.com/v1beta";
  const call = geminiImages.submit(request, { model, baseUrl, secret: MEDIA_SECRET }, "mark");
  expect(call.url).toBe(`${baseUrl}/models/${model}:generateContent`);
  const { contents, generationConfig } = JSON.parse(String(call.body)) as Record<string, unknown>;
  return { contents, generationConfig, dropped: call.dropped ?? [] };
}
const PICTURE = { kind: "bytes", bytes: INLINE_PNG, contentType: "image/png" } as const;

describe("a picture", () => {
  test("is asked for as an answer that may hold one", () => {
    expect(said(pictureRequest({ seed: 7 }))).toEqual({
      contents: [{ role: "user", parts: [{ text: "a cat" }] }],
      generationConfig: { responseModalities: ["TEXT", "IMAGE"], seed: 7 },
      dropped: [],
    });
  });

  test.each([
    [NEWER, 1024, 1024, { aspectRatio: "1:1", imageSize: "1K" }, []],
    [NEWER, 1792, 1024, { aspectRatio: "16:9", imageSize: "1K" }, ["size"]],
    [NEWER, 2048, 1152, { aspectRatio: "16:9", imageSize: "1K" }, []],
    [NEWER, 2048, 2048, { aspectRatio: "1:1", imageSize: "2K" }, []],
    [NEWER, 3840, 2160, { aspectRatio: "16:9", imageSize: "2K" }, []],
    [NEWER, 4096, 4096, { aspectRatio: "1:1", imageSize: "4K" }, []],
    ["gemini-2.5-flash-image", 2048, 2048, { aspectRatio: "1:1" }, []],
  ] as const)("by %s of %i by %i is of the nearest shape", (model, width, height, imageConfig, dropped) => {
    const { generationConfig, dropped: told } = said(pictureRequest({ size: { width, height } }), model);
    expect([generationConfig, told]).toEqual([
      { responseModalities: ["TEXT", "IMAGE"], imageConfig },
      [...dropped],
    ]);
  });

  test("works from others, which stand before the words", () => {
    expect(said(editRequest({ inputs: [PICTURE] })).contents).toEqual([
      {
        role: "user",
        parts: [{ inlineData: { mimeType: "image/png", data: BASE64_PNG } }, { text: "a cat" }],
      },
    ]);
  });

  test("says what Gemini does not know", () => {
    const request = pictureRequest({
      negativePrompt: "dogs",
      quality: "high",
      style: "vivid",
      format: "png",
      options: { steps: 3 },
    });
    expect(said(request).dropped).toEqual(["negative_prompt", "quality", "style", "output_format", "steps"]);
  });

  test.each([
    ["prompt", { prompt: undefined }],
    ["mask", { mask: PICTURE }],
    ["background", { background: "transparent" }],
    ["image", { inputs: [{ kind: "url", url: "https://a.test/1.png" }] }],
  ] as const)("is refused with its %s where Gemini has no way to make it", (param, changes) => {
    const build = () => said(pictureRequest(changes as Partial<MediaRequest>));
    expect(build).toThrow(expect.objectContaining({ code: "unsupported_parameter", detail: { param } }));
  });
});
