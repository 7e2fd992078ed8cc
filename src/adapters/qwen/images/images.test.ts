import { describe, expect, test } from "bun:test";
import type { MediaRequest } from "../../../core/media.ts";
import { mediaConformance } from "../../media-conformance.suite.ts";
import { editRequest, INLINE_PNG, MEDIA_SECRET, pictureRequest } from "../../testing/media-fixtures.ts";
import { nativeBase } from "../native-base.ts";
import { qwenImages } from "./index.ts";
import { QWEN_IMAGES } from "./testing/exchanges.ts";

mediaConformance(qwenImages, QWEN_IMAGES);

const targetOf = (model: string) => ({
  model,
  baseUrl: "https://dashscope.aliyuncs.com/compatible-mode/v1",
  secret: MEDIA_SECRET,
});
function said(request: MediaRequest, model: string) {
  const { url, headers, body, dropped = [] } = qwenImages.submit(request, targetOf(model), "mark");
  const { input, parameters } = JSON.parse(String(body)) as {
    input: Record<string, unknown>;
    parameters: Record<string, unknown>;
  };
  const path = url.replace("https://dashscope.aliyuncs.com/api/v1/services/aigc/", "");
  return { path, isJob: headers["x-dashscope-async"] === "enable", input, parameters, dropped };
}
const CAT = "https://pictures.test/cat.png";
const PICTURE = { kind: "bytes", bytes: INLINE_PNG, contentType: "image/png" } as const;

test.each([
  ["https://dashscope.aliyuncs.com/compatible-mode/v1", "https://dashscope.aliyuncs.com/api/v1"],
  ["https://dashscope.aliyuncs.com/api/v1", "https://dashscope.aliyuncs.com/api/v1"],
  ["https://dashscope-intl.aliyuncs.com", "https://dashscope-intl.aliyuncs.com/api/v1"],
  ["https://proxy.test/ali/compatible-mode/v1", "https://proxy.test/ali/api/v1"],
  ["http://127.0.0.1:9101/v1", "http://127.0.0.1:9101/api/v1"],
])("pictures of a vendor at %s are asked for at %s", (baseUrl, base) => {
  expect(nativeBase(baseUrl)).toBe(base);
  const target = { ...targetOf("wan2.2-t2i-flash"), baseUrl };
  expect(qwenImages.poll?.({ jobId: "a/b" }, target)).toEqual({
    method: "GET",
    url: `${base}/tasks/a%2Fb`,
    headers: { authorization: `Bearer ${MEDIA_SECRET}` },
  });
  expect(qwenImages.cancel?.({ jobId: "a" }, target)).toMatchObject({
    method: "POST",
    url: `${base}/tasks/a/cancel`,
  });
});

describe("a picture out of words", () => {
  test("by the older models of Wan is a job of a prompt", () => {
    const request = pictureRequest({
      count: 4,
      size: { width: 1024, height: 768 },
      negativePrompt: "dogs",
      seed: 2_147_483_649,
      options: { prompt_extend: false, steps: 3 },
    });
    expect(said(request, "wan2.2-t2i-flash")).toEqual({
      path: "text2image/image-synthesis",
      isJob: true,
      input: { prompt: "a cat", negative_prompt: "dogs" },
      parameters: { n: 4, watermark: false, size: "1024*768", seed: 1, prompt_extend: false },
      dropped: ["steps"],
    });
  });

  test("by the newer ones is a job of messages", () => {
    const request = pictureRequest({ negativePrompt: "dogs", size: { width: 512, height: 512 } });
    expect(said(request, "wan2.6-t2i")).toEqual({
      path: "image-generation/generation",
      isJob: true,
      input: { messages: [{ role: "user", content: [{ text: "a cat" }] }] },
      parameters: { n: 1, watermark: false, size: "768*768", negative_prompt: "dogs" },
      dropped: ["size"],
    });
    const { parameters, dropped } = said(
      pictureRequest({ negativePrompt: "dogs", options: { thinking_mode: true, prompt_extend: true } }),
      "wan2.7-image-pro",
    );
    expect([parameters, dropped]).toEqual([
      { n: 1, watermark: false, thinking_mode: true },
      ["prompt_extend", "negative_prompt"],
    ]);
  });

  test("by Qwen-Image is answered at once, one a call", () => {
    const request = pictureRequest({ size: { width: 1792, height: 1024 } });
    expect(said(request, "qwen-image-plus")).toMatchObject({
      path: "multimodal-generation/generation",
      isJob: false,
      parameters: { n: 1, size: "1664*928" },
      dropped: ["size"],
    });
    expect(said(request, "qwen-image-3.0-pro").parameters.size).toBe("1792*1024");
    expect(qwenImages.picturesACall?.(request, { model: "qwen-image-plus" })).toBe(1);
    expect(qwenImages.picturesACall?.(request, { model: "wan2.6-t2i" })).toBeUndefined();
  });
});

describe("an edit", () => {
  const inline = `data:image/png;base64,${Buffer.from(INLINE_PNG).toString("base64")}`;
  const request = editRequest({ inputs: [{ kind: "url", url: CAT }, PICTURE] });

  test("goes as each model takes it", () => {
    expect(said(request, "wan2.7-image").input).toEqual({
      messages: [{ role: "user", content: [{ image: CAT }, { image: inline }, { text: "a cat" }] }],
    });
    expect(said(request, "qwen-image-edit-plus").input).toEqual(said(request, "wan2.7-image").input);
    expect(said(request, "wan2.5-i2i-preview")).toMatchObject({
      path: "image2image/image-synthesis",
      isJob: true,
      input: { prompt: "a cat", images: [CAT, inline] },
    });
  });

  test("by function says which, with a mask of the vendor's own form", () => {
    const options = { function: "description_edit_with_mask", mask_image_url: "https://a.test/mask.png" };
    const one = editRequest({ options, size: { width: 10, height: 10 } });
    expect(said(one, "wanx2.1-imageedit")).toEqual({
      path: "image2image/image-synthesis",
      isJob: true,
      input: { prompt: "a cat", base_image_url: CAT, ...options },
      parameters: { n: 1, watermark: false },
      dropped: ["size"],
    });
    expect(said(editRequest(), "wanx2.1-imageedit").input.function).toBe("description_edit");
  });
});

test.each([
  ["prompt", "wan2.6-t2i", { prompt: undefined }],
  ["n", "wan2.6-t2i", { count: 5 }],
  ["background", "wan2.6-t2i", { background: "transparent" }],
  ["image", "wan2.2-t2i-flash", {}],
  ["image", "qwen-image-plus", {}],
  ["image", "wanx2.1-imageedit", { inputs: [PICTURE, PICTURE] }],
  ["image", "wanx2.1-imageedit", { inputs: [] }],
  ["mask", "wanx2.1-imageedit", { mask: PICTURE }],
  ["mask_image_url", "wanx2.1-imageedit", { options: { mask_image_url: "oss://bucket/mine.png" } }],
] as const)("what is beyond a model is refused with its %s (%s)", (param, model, changes) => {
  const build = () => said(editRequest(changes as Partial<MediaRequest>), model);
  expect(build).toThrow(expect.objectContaining({ code: "unsupported_parameter", detail: { param } }));
});
