import { describe, expect, test } from "bun:test";
import type { MediaRequest } from "../../core/media.ts";
import type { MediaCall } from "../media-adapter.ts";
import { mediaConformance } from "../media-conformance.suite.ts";
import { editRequest, MEDIA_SECRET, mediaAnswer, pictureRequest } from "../testing/media-fixtures.ts";
import { photoroom } from "./index.ts";
import { PHOTOROOM } from "./testing/exchanges.ts";

mediaConformance(photoroom, PHOTOROOM);

const bytes = Uint8Array.from([137, 80, 78, 71]);
const PICTURE = { kind: "bytes", bytes, contentType: "image/png" } as const;
const edit = (changes: Partial<MediaRequest> = {}) =>
  editRequest({ inputs: [PICTURE], ...without, ...changes });
const without = { prompt: "" } as const;
const plain = ({ prompt: _, ...request }: MediaRequest): MediaRequest => request;

const submit = (request: MediaRequest, model = "edit", baseUrl = "https://image-api.photoroom.com") =>
  photoroom.submit(request, { model, baseUrl, secret: MEDIA_SECRET }, "mark");

/** The fields of a form, files as their type. */
function said({ body }: MediaCall): Record<string, string> {
  if (!(body instanceof FormData)) throw new Error("no form");
  const fields: Record<string, string> = {};
  for (const [name, value] of body.entries() as Iterable<[string, string | Blob]>) {
    // Files are left out of the runtime's own type.
    fields[name] = value instanceof Blob ? `<${value.type}>` : value;
  }
  return fields;
}

test("an edit is not asked for the size that makes v1/segment cheaper", () => {
  expect(() => submit(edit({ options: { size: "preview" } }))).toThrow("outputSize");
});

describe("taking a background away", () => {
  test("goes to the other host, with its size by pixels and its format by the vendor's name", () => {
    const request = plain(
      edit({ size: { width: 1024, height: 1024 }, format: "jpeg", background: "opaque" }),
    );
    const call = submit(request, "remove-background");
    expect(call.url).toBe("https://sdk.photoroom.com/v1/segment");
    expect(call.headers["x-api-key"]).toBe(MEDIA_SECRET);
    expect(said(call)).toEqual({
      image_file: "<image/png>",
      format: "jpg",
      size: "medium",
      bg_color: "#FFFFFF",
    });
    expect(submit(request, "remove-background", "http://mock.test").url).toBe("http://mock.test/v1/segment");
  });

  test("passes its own options on and says which it does not know", () => {
    const options = { crop: true, channels: "alpha", size: "full", "shadow.mode": "ai.soft" };
    const call = submit(edit({ prompt: "x", seed: 1, options, quality: "high" }), "remove-background");
    expect(said(call)).toEqual({ image_file: "<image/png>", crop: "true", channels: "alpha", size: "full" });
    expect(call.dropped).toEqual(["shadow.mode", "prompt", "seed", "quality"]);
  });

  test.each([
    [{ mask: PICTURE }, "mask"],
    [{ inputs: [PICTURE, PICTURE] }, "image"],
    [{ format: "avif" }, "output_format"],
    [{ operation: "image", inputs: [] }, "image"],
    [{ options: { imageUrl: "https://x.test" } }, "imageUrl"],
    [{ options: { background: { imageFile: "x" } } }, "background.imageFile"],
    [{ options: { "pr-ai-shadows-model-version": "a\r\nb: c" } }, "pr-ai-shadows-model-version"],
  ] as const)("of %j is refused", (changes, param) => {
    const build = () => submit(edit(changes as Partial<MediaRequest>), "remove-background");
    expect(build).toThrow(expect.objectContaining({ code: "unsupported_parameter", detail: { param } }));
  });
});

describe("an edit", () => {
  test("by words changes the picture and keeps its background", () => {
    const request = edit({
      prompt: "a red hat",
      seed: 7,
      inputs: [PICTURE, PICTURE],
      size: { width: 800, height: 600 },
    });
    const call = submit(request);
    expect(call.url).toBe("https://image-api.photoroom.com/v2/edit");
    expect(said(call)).toEqual({
      imageFile: "<image/png>",
      removeBackground: "false",
      "editWithAI.mode": "ai.auto",
      "editWithAI.prompt": "a red hat",
      "editWithAI.seed": "7",
      "editWithAI.additionalImages.image2.imageFile": "<image/png>",
      outputSize: "800x600",
    });
  });

  test("takes every option of the vendor's, dotted or nested, and model versions as headers", () => {
    const options = {
      removeBackground: true,
      "background.color": "FF0000",
      shadow: { mode: "ai.soft" },
      padding: 0.1,
      "pr-ai-background-model-version": "background-studio-beta-2025-03-17",
    };
    const call = submit(plain(edit({ options, format: "webp" })));
    expect(said(call)).toEqual({
      imageFile: "<image/png>",
      "export.format": "webp",
      removeBackground: "true",
      "background.color": "FF0000",
      "shadow.mode": "ai.soft",
      padding: "0.1",
    });
    expect(call.headers["pr-ai-background-model-version"]).toBe("background-studio-beta-2025-03-17");
  });

  test("of a background by words, like another picture, or made of one", () => {
    const words = submit(
      edit({ prompt: "a beach", negativePrompt: "people", inputs: [PICTURE, PICTURE] }),
      "background",
    );
    expect(said(words)).toEqual({
      imageFile: "<image/png>",
      "background.prompt": "a beach",
      "background.negativePrompt": "people",
      "background.guidance.imageFile": "<image/png>",
    });
    expect(said(submit(plain(edit({ inputs: [PICTURE, PICTURE] })), "background"))).toEqual({
      imageFile: "<image/png>",
      "background.imageFile": "<image/png>",
    });
  });

  test("out of words alone is a picture of the nearest shape", () => {
    const call = submit(
      pictureRequest({ size: { width: 1792, height: 1024 }, seed: 3, negativePrompt: "dogs" }),
    );
    expect(said(call)).toEqual({
      "imageFromPrompt.prompt": "a cat",
      removeBackground: "false",
      "imageFromPrompt.size": "LANDSCAPE_16_9",
      "imageFromPrompt.seed": "3",
      outputSize: "1792x1024",
    });
    expect(call.dropped).toEqual(["negative_prompt"]);
  });

  test("a picture that was not fetched is not sent as nothing", () => {
    expect(() => submit(editRequest())).toThrow("must be sent itself");
  });
});

test("what a sandbox key makes, and a preview, are counted apart", () => {
  const answer = mediaAnswer({ headers: { "content-type": "image/png" }, body: bytes });
  const usageUnder = (secret: string, options = {}) => {
    const state = photoroom.readSubmitted(edit({ options }), { ...answer, secret });
    return state.kind === "done" ? state.result.usage?.imageVariants : state;
  };
  expect(usageUnder("sandbox_sk_x")).toEqual({ sandbox: 1 });
  expect(usageUnder("sk_x", { size: "preview" })).toEqual({ preview: 1 });
  expect(usageUnder("sk_x")).toBeUndefined();
});

test("several pictures are asked for in as many calls", () => {
  expect(photoroom.picturesACall?.(edit({ count: 3 }), { model: "edit" })).toBe(1);
});
