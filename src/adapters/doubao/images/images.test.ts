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
import { seedream } from "./index.ts";
import { SEEDREAM } from "./testing/exchanges.ts";

mediaConformance(seedream, SEEDREAM);

const NEWEST = "doubao-seedream-5-0-260128";
function said(request: MediaRequest, model = NEWEST): Record<string, unknown> {
  const target = { model, baseUrl: "https://ark.cn-beijing.volces.com/api/v3", secret: MEDIA_SECRET };
  const { url, body, dropped = [] } = seedream.submit(request, target, "mark");
  expect(url).toBe("https://ark.cn-beijing.volces.com/api/v3/images/generations");
  return { ...(JSON.parse(String(body)) as Record<string, unknown>), dropped };
}
const PICTURE = { kind: "bytes", bytes: INLINE_PNG, contentType: "image/png" } as const;

describe("a picture", () => {
  test("has no watermark and is one, whatever the vendor's own choice is", () => {
    expect(said(pictureRequest())).toEqual({
      model: NEWEST,
      prompt: "a cat",
      response_format: "url",
      watermark: false,
      sequential_image_generation: "disabled",
      dropped: [],
    });
    expect(said(pictureRequest({ options: { watermark: true } })).watermark).toBe(true);
  });

  test.each([
    ["doubao-seedream-5-0-260128", "1920x1920", ["size"]],
    ["seedream-4-5-251128", "1920x1920", ["size"]],
    ["ep-20260101000000-abcde", "1920x1920", ["size"]],
    ["doubao-seedream-4-0-250828", "1024x1024", []],
    ["doubao-seedream-3-0-t2i-250415", "1024x1024", []],
  ])("of 1024 by 1024 is drawn by %s as %s", (model, size, dropped) => {
    expect(said(pictureRequest({ size: { width: 1024, height: 1024 } }), model)).toMatchObject({
      size,
      dropped,
    });
  });

  test("works from pictures: one as itself, several as a list", () => {
    const inline = `data:image/png;base64,${BASE64_PNG}`;
    expect(said(editRequest({ inputs: [PICTURE] })).image).toBe(inline);
    const address = { kind: "url", url: "https://a.test/1.png" } as const;
    expect(said(editRequest({ inputs: [PICTURE, address] })).image).toEqual([inline, address.url]);
  });

  test("is told what the model takes; the rest is said to be left out", () => {
    const request = pictureRequest({
      quality: "high",
      style: "vivid",
      negativePrompt: "dogs",
      seed: 7,
      format: "png",
      options: {
        guidance_scale: 2.5,
        optimize_prompt_options: { mode: "fast" },
        tools: [{ type: "web_search" }],
      },
    });
    expect(said(request)).toMatchObject({
      output_format: "png",
      optimize_prompt_options: { mode: "fast" },
      dropped: ["guidance_scale", "tools", "seed", "quality", "style", "negative_prompt"],
    });
    const older = said(request, "doubao-seedream-3-0-t2i-250415");
    expect(older).toMatchObject({ seed: 7, guidance_scale: 2.5 });
    expect([older.output_format, older.sequential_image_generation]).toEqual([undefined, undefined]);
    expect(older.dropped).toContain("output_format");
  });
});

describe("several pictures", () => {
  const target = { model: NEWEST };
  test("are a call each, unless they are to belong together", () => {
    expect(seedream.picturesACall?.(pictureRequest({ count: 3 }), target)).toBe(1);
    const request = pictureRequest({ count: 3, options: { sequential_image_generation: "auto" } });
    expect(seedream.picturesACall?.(request, target)).toBeUndefined();
    expect(said(request)).toMatchObject({
      sequential_image_generation: "auto",
      sequential_image_generation_options: { max_images: 3 },
      dropped: [],
    });
  });

  test("are never more than were asked for, whatever else the client says", () => {
    const options = {
      sequential_image_generation: "auto",
      sequential_image_generation_options: { max_images: 15 },
    };
    expect(said(pictureRequest({ count: 2, options })).sequential_image_generation_options).toEqual({
      max_images: 2,
    });
    expect(
      said(pictureRequest({ options: { ...options, sequential_image_generation: "on" } })),
    ).toMatchObject({ sequential_image_generation: "disabled" });
  });
});

test.each([
  ["prompt", { prompt: undefined }],
  ["mask", { mask: PICTURE }],
  ["background", { background: "transparent" }],
  ["output_format", { format: "webp" }],
  ["image", { inputs: Array.from({ length: 15 }, () => PICTURE) }],
  [
    "n",
    {
      count: 10,
      inputs: Array.from({ length: 6 }, () => PICTURE),
      options: { sequential_image_generation: "auto" },
    },
  ],
] as const)("what Seedream cannot do is refused with its %s", (param, changes) => {
  const build = () => said(editRequest(changes as Partial<MediaRequest>));
  expect(build).toThrow(expect.objectContaining({ code: "unsupported_parameter", detail: { param } }));
});
