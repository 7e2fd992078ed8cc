import type { JsonObject } from "../../../core/generation.ts";
import type { MediaInput, MediaRequest } from "../../../core/media.ts";
import type { Target } from "../../adapter.ts";
import { nearestRatio } from "../../aspect-ratio.ts";
import { unsupported } from "../../failure/unsupported.ts";
import { base64Of } from "../../inline-picture.ts";
import type { MediaCall } from "../../media-adapter.ts";
import { methodCall } from "../method-call.ts";
import { traitsOf } from "../models.ts";

const RATIOS = ["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"] as const;

/** Half-way between the squares of these sizes and of the next: a picture of more pixels is drawn in the next. */
const SIZES = [
  [1_536 * 1_536, "1K"],
  [3_072 * 3_072, "2K"],
] as const;

/** @throws SluiceError `unsupported_parameter` for what Gemini's picture models cannot do */
export function callFor(request: MediaRequest, target: Target): MediaCall {
  const { prompt, inputs, mask, background, seed } = request;
  if (prompt === undefined) throw unsupported("prompt", "Gemini needs a prompt.");
  if (mask !== undefined) throw unsupported("mask", "Gemini takes no masks.");
  if (background === "transparent") throw unsupported("background", "Gemini draws no transparency.");
  const dropped: string[] = [];
  const imageConfig = shapeOf(request, target.model, dropped);
  const generationConfig: JsonObject = {
    responseModalities: ["TEXT", "IMAGE"],
    ...(imageConfig === undefined ? {} : { imageConfig }),
    ...(seed === undefined ? {} : { seed }),
  };
  if (request.negativePrompt !== undefined) dropped.push("negative_prompt");
  if (request.quality !== undefined) dropped.push("quality");
  if (request.style !== undefined) dropped.push("style");
  if (request.format !== undefined) dropped.push("output_format");
  dropped.push(...Object.keys(request.options));
  const body = {
    contents: [{ role: "user", parts: [...inputs.map(partOf), { text: prompt }] }],
    generationConfig,
  };
  const { url, headers } = methodCall(target, "generateContent", body);
  return {
    method: "POST",
    url,
    headers,
    body: JSON.stringify(body),
    ...(dropped.length === 0 ? {} : { dropped }),
  };
}

/** Only shapes can be chosen, and from the third line on how large a picture is. */
function shapeOf({ size }: MediaRequest, model: string, dropped: string[]): JsonObject | undefined {
  if (size === undefined) return undefined;
  const aspectRatio = nearestRatio(size, RATIOS);
  const [width = 1, height = 1] = (aspectRatio ?? "1:1").split(":").map(Number);
  if (size.width * height !== size.height * width) dropped.push("size");
  // Models that think by levels are those from the third line on.
  if (traitsOf(model).thinking !== "level") return { aspectRatio };
  const pixels = size.width * size.height;
  return { aspectRatio, imageSize: SIZES.find(([most]) => pixels <= most)?.[1] ?? "4K" };
}

/** Google fetches nothing: `takes` says so, and addresses do not come here. */
function partOf(input: MediaInput): JsonObject {
  if (input.kind === "url") throw unsupported("image", "The picture must be sent itself.");
  return { inlineData: { mimeType: input.contentType, data: base64Of(input.bytes) } };
}
