import type { JsonObject } from "../../../core/generation.ts";
import type { MediaRequest } from "../../../core/media.ts";
import type { Target } from "../../adapter.ts";
import { nearestRatio } from "../../aspect-ratio.ts";
import { unsupported } from "../../failure/unsupported.ts";
import { fittedSize, isSameSize } from "../../fitted-size.ts";
import { addressOf } from "../../inline-picture.ts";
import type { MediaCall } from "../../media-adapter.ts";
import { nativeBase } from "../native-base.ts";
import { type Traits, traitsOf } from "./models.ts";

/** Of one job. */
const MOST_PICTURES = 4;
/** Larger ones are folded into the range: the same seed stays the same. */
const SEEDS = 2_147_483_648;
/** What a picture is edited by unless the client says otherwise: words alone. */
const USUAL_FUNCTION = "description_edit";

/** @throws SluiceError `unsupported_parameter` for what the model cannot do */
export function callFor(request: MediaRequest, { model, baseUrl, secret }: Target): MediaCall {
  const traits = traitsOf(model);
  const { prompt, inputs, background, count, mask } = request;
  if (prompt === undefined) throw unsupported("prompt", "Models of Model Studio need a prompt.");
  if (background === "transparent") throw unsupported("background", "Wan draws no transparency.");
  if (count > MOST_PICTURES) throw unsupported("n", `Wan makes at most ${MOST_PICTURES} pictures a job.`);
  if (mask !== undefined) {
    // Its masks are white where the picture is to change, OpenAI's are transparent there.
    throw unsupported("mask", "Wan's masks are of another form: give `mask_image_url`.");
  }
  if (inputs.length > traits.mostInputs) {
    const most = traits.mostInputs;
    throw unsupported(
      "image",
      most === 0 ? "This model draws from words alone." : `At most ${most} pictures to work from.`,
    );
  }
  if (inputs.length === 0 && (traits.protocol === "pictures" || traits.protocol === "function")) {
    throw unsupported("image", "This model works from a picture.");
  }
  const dropped: string[] = [];
  const own = ownOf(request, traits, dropped);
  const parameters = { ...parametersOf(request, traits, dropped), ...own.parameters };
  const input = { ...inputOf(request, prompt, traits), ...own.input };
  if (request.quality !== undefined) dropped.push("quality");
  if (request.style !== undefined) dropped.push("style");
  if (request.format !== undefined && request.format !== "png") dropped.push("output_format");
  return {
    method: "POST",
    url: nativeBase(baseUrl) + traits.path,
    headers: {
      authorization: `Bearer ${secret}`,
      "content-type": "application/json",
      ...(traits.protocol === "chat" ? {} : { "x-dashscope-async": "enable" }),
    },
    body: JSON.stringify({ model, input, parameters }),
    ...(dropped.length === 0 ? {} : { dropped }),
  };
}

function inputOf({ inputs, negativePrompt }: MediaRequest, prompt: string, traits: Traits): JsonObject {
  const pictures = inputs.map(addressOf);
  const negative =
    traits.takesNegativePrompt && negativePrompt !== undefined ? { negative_prompt: negativePrompt } : {};
  switch (traits.protocol) {
    case "chat":
    case "messages":
      return {
        messages: [{ role: "user", content: [...pictures.map((image) => ({ image })), { text: prompt }] }],
      };
    case "words":
      return { prompt, ...negative };
    case "pictures":
      return { prompt, images: pictures, ...negative };
    case "function":
      return { function: USUAL_FUNCTION, prompt, base_image_url: pictures[0] };
  }
}

function parametersOf(request: MediaRequest, traits: Traits, dropped: string[]): JsonObject {
  const { count, seed, negativePrompt } = request;
  const parameters: Record<string, unknown> = { n: count, watermark: false };
  const size = sizeOf(request, traits.sizes, dropped);
  if (size !== undefined) parameters.size = size;
  if (seed !== undefined) parameters.seed = seed % SEEDS;
  if (negativePrompt === undefined) return parameters;
  if (!traits.takesNegativePrompt) dropped.push("negative_prompt");
  else if (traits.protocol === "chat" || traits.protocol === "messages") {
    parameters.negative_prompt = negativePrompt;
  }
  return parameters;
}

/** Written `1024*1024`. */
function sizeOf({ size }: MediaRequest, sizes: Traits["sizes"], dropped: string[]): string | undefined {
  if (size === undefined) return undefined;
  if (sizes === undefined) {
    dropped.push("size");
    return undefined;
  }
  if ("pixels" in sizes) {
    const fitted = fittedSize(size, sizes);
    if (!isSameSize(size, fitted)) dropped.push("size");
    return `${fitted.width}*${fitted.height}`;
  }
  const nearest = nearestRatio(
    size,
    sizes.map((name) => name.replace("*", ":")),
  )?.replace(":", "*");
  if (nearest !== `${size.width}*${size.height}`) dropped.push("size");
  return nearest;
}

function ownOf({ options }: MediaRequest, traits: Traits, dropped: string[]) {
  const parameters: Record<string, unknown> = {};
  const input: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    // Any other address would be a place in the account's own storage.
    if (name.endsWith("_url") && !/^(?:https?:\/\/|data:image\/)/i.test(String(value))) {
      throw unsupported(name, `'${name}' must be a URL or a 'data:' URL.`);
    }
    if (traits.parameters.has(name)) parameters[name] = value;
    else if (traits.inputs.has(name)) input[name] = value;
    else dropped.push(name);
  }
  return { parameters, input };
}
