import type { JsonObject } from "../../../core/generation.ts";
import type { MediaRequest } from "../../../core/media.ts";
import type { Target } from "../../adapter.ts";
import { unsupported } from "../../failure/unsupported.ts";
import { fittedSize, isSameSize } from "../../fitted-size.ts";
import { addressOf } from "../../inline-picture.ts";
import type { MediaCall } from "../../media-adapter.ts";
import { type Traits, traitsOf } from "./models.ts";

const MOST_INPUTS = 14;
/** Pictures to work from and pictures made, in one sequence. */
const MOST_OF_A_SEQUENCE = 15;

/** Fields of the vendor's own. Not among them: `tools`, whose searches cost extra. */
const OPTIONS: ReadonlySet<string> = new Set(["watermark", "optimize_prompt_options"]);

/** Whether a client asks for pictures that belong together, which are drawn in one call; all others are a call each. */
export const asksForSequence = ({ options }: Pick<MediaRequest, "options">): boolean =>
  options.sequential_image_generation === "auto";

/** @throws SluiceError `unsupported_parameter` for what Seedream cannot do */
export function callFor(request: MediaRequest, target: Target): MediaCall {
  const { prompt, inputs, mask, background } = request;
  if (prompt === undefined) throw unsupported("prompt", "Seedream needs a prompt.");
  if (mask !== undefined) throw unsupported("mask", "Seedream takes no masks.");
  if (background === "transparent") throw unsupported("background", "Seedream draws no transparency.");
  if (inputs.length > MOST_INPUTS) {
    throw unsupported("image", `Seedream works from at most ${MOST_INPUTS} pictures.`);
  }
  const traits = traitsOf(target.model);
  const dropped: string[] = [];
  const [first, ...others] = inputs.map(addressOf);
  const body: JsonObject = {
    model: target.model,
    prompt,
    ...(first === undefined ? {} : { image: others.length === 0 ? first : [first, ...others] }),
    ...sizeOf(request, traits, dropped),
    ...formatOf(request, traits, dropped),
    response_format: "url",
    // Said in any case: the vendor's own choice is a mark on every picture.
    watermark: false,
    ...sequenceOf(request, traits),
    ...ownOf(request, traits, dropped),
  };
  if (request.quality !== undefined) dropped.push("quality");
  if (request.style !== undefined) dropped.push("style");
  if (request.negativePrompt !== undefined) dropped.push("negative_prompt");
  return {
    method: "POST",
    url: `${target.baseUrl}/images/generations`,
    headers: { authorization: `Bearer ${target.secret}`, "content-type": "application/json" },
    body: JSON.stringify(body),
    ...(dropped.length === 0 ? {} : { dropped }),
  };
}

function sizeOf({ size }: MediaRequest, { sizes }: Traits, dropped: string[]): JsonObject {
  if (size === undefined) return {};
  const fitted = fittedSize(size, sizes);
  if (!isSameSize(size, fitted)) dropped.push("size");
  return { size: `${fitted.width}x${fitted.height}` };
}

function formatOf({ format }: MediaRequest, { choosesFormat }: Traits, dropped: string[]): JsonObject {
  if (format === undefined) return {};
  if (format !== "png" && format !== "jpeg") {
    throw unsupported("output_format", "Seedream writes png and jpeg.");
  }
  if (choosesFormat) return { output_format: format };
  // What there is no choice of is jpeg.
  if (format === "png") dropped.push("output_format");
  return {};
}

/** Said in any case: without it some models decide by the prompt. */
function sequenceOf(request: MediaRequest, { drawsSequences }: Traits): JsonObject {
  if (!asksForSequence(request)) return drawsSequences ? { sequential_image_generation: "disabled" } : {};
  if (!drawsSequences) {
    throw unsupported("sequential_image_generation", "This model draws one picture a call.");
  }
  const { count, inputs } = request;
  if (count + inputs.length > MOST_OF_A_SEQUENCE) {
    throw unsupported(
      "n",
      `A sequence is at most ${MOST_OF_A_SEQUENCE} pictures, those to work from included.`,
    );
  }
  return {
    sequential_image_generation: "auto",
    // The most that is held for, whatever the prompt asks for.
    sequential_image_generation_options: { max_images: count },
  };
}

function ownOf({ options, seed }: MediaRequest, { takesSeed }: Traits, dropped: string[]): JsonObject {
  const own: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (OPTIONS.has(name) || (takesSeed && name === "guidance_scale")) own[name] = value;
    else if (!name.startsWith("sequential_image_generation")) dropped.push(name);
  }
  if (seed !== undefined) {
    if (takesSeed) own.seed = seed;
    else dropped.push("seed");
  }
  return own;
}
