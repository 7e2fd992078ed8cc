import { describe, expect, test } from "bun:test";
import type { MediaRequest } from "../../../core/media.ts";
import type { MediaCall } from "../../media-adapter.ts";
import { mediaConformance } from "../../media-conformance.suite.ts";
import { editRequest, INLINE_PNG, MEDIA_SECRET, pictureRequest } from "../../testing/media-fixtures.ts";
import { openaiCompatibleImages, openaiImages } from "./index.ts";
import { OPENAI_IMAGES } from "./testing/exchanges.ts";

mediaConformance(openaiImages, OPENAI_IMAGES);
mediaConformance(openaiCompatibleImages, OPENAI_IMAGES);

const TARGET = { model: "gpt-image-2", baseUrl: "https://api.openai.com/v1", secret: MEDIA_SECRET };
const submit = (request: MediaRequest): MediaCall => openaiImages.submit(request, TARGET, "mark");
const PICTURE = { kind: "bytes", bytes: INLINE_PNG, contentType: "image/png" } as const;
const PHOTO = { kind: "bytes", bytes: Uint8Array.from([255, 216]), contentType: "image/jpeg" } as const;

describe("a picture out of words", () => {
  test("is asked for in OpenAI's own fields, and not in a form that it refuses to be told", () => {
    const request = pictureRequest({
      count: 3,
      size: { width: 1536, height: 1024 },
      quality: "high",
      background: "transparent",
      format: "webp",
      options: { moderation: "low", output_compression: 80 },
    });
    const { url, body, dropped } = submit(request);
    expect(url).toBe("https://api.openai.com/v1/images/generations");
    expect(JSON.parse(String(body))).toEqual({
      model: "gpt-image-2",
      prompt: "a cat",
      n: 3,
      size: "1536x1024",
      quality: "high",
      background: "transparent",
      output_format: "webp",
      moderation: "low",
      output_compression: 80,
    });
    expect(dropped).toBeUndefined();
  });

  test("says what OpenAI does not know", () => {
    const request = pictureRequest({
      quality: "standard",
      style: "vivid",
      seed: 7,
      negativePrompt: "dogs",
      options: { steps: 4, moderation: { deep: true }, input_fidelity: "high" },
    });
    expect(JSON.parse(String(submit(request).body))).toEqual({
      model: "gpt-image-2",
      prompt: "a cat",
      n: 1,
    });
    expect(submit(request).dropped).toEqual([
      "quality",
      "style",
      "seed",
      "negative_prompt",
      "steps",
      "moderation",
      "input_fidelity",
    ]);
    expect(JSON.parse(String(submit(pictureRequest({ quality: "hd" })).body)).quality).toBe("high");
  });

  test.each([
    ["prompt", { prompt: undefined }],
    ["mask", { mask: PICTURE }],
    ["output_format", { format: "avif" }],
    ["image", { inputs: [{ kind: "url", url: "https://a.test/1.png" }] }],
  ] as const)("is refused with its %s where OpenAI has no way to make it", (param, changes) => {
    const build = () => submit(pictureRequest(changes as Partial<MediaRequest>));
    expect(build).toThrow(expect.objectContaining({ code: "unsupported_parameter", detail: { param } }));
  });
});

test("an edit is a form with every picture in its order, and the mask", () => {
  const { url, headers, body } = submit(
    editRequest({
      inputs: [PICTURE, PHOTO],
      mask: PICTURE,
      count: 2,
      options: { input_fidelity: "high" },
    }),
  );
  expect(url).toBe("https://api.openai.com/v1/images/edits");
  expect(headers).toEqual({ authorization: `Bearer ${MEDIA_SECRET}` });
  if (!(body instanceof FormData)) throw new Error("no form");
  const said = [...body.entries()].map(([name, value]) => {
    if (typeof value === "string") return [name, value];
    const file = value as unknown as File; // the types of forms know texts alone
    return [name, file.name, file.type];
  });
  expect(said).toEqual([
    ["model", "gpt-image-2"],
    ["prompt", "a cat"],
    ["n", "2"],
    ["input_fidelity", "high"],
    ["image[]", "picture.png", "image/png"],
    ["image[]", "picture.jpg", "image/jpeg"],
    ["mask", "mask.png", "image/png"],
  ]);
});

test("a single picture goes under the name that every server knows", () => {
  const { body } = submit(editRequest({ inputs: [PICTURE] }));
  expect(body instanceof FormData && body.has("image") && !body.has("image[]")).toBe(true);
});

test("large pictures are asked for a few at a time: all of them at once would be too long an answer", () => {
  const most = (width: number, height: number) =>
    openaiImages.picturesACall?.(pictureRequest({ count: 10, size: { width, height } }), TARGET);
  expect([most(1536, 1024), most(3840, 2160)]).toEqual([undefined, 4]);
  expect(openaiImages.picturesACall?.(pictureRequest({ count: 10 }), TARGET)).toBeUndefined();
});
