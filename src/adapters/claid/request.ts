import type { JsonObject } from "../../core/generation.ts";
import type { MediaInput, MediaOperation, MediaRequest } from "../../core/media.ts";
import type { Target } from "../adapter.ts";
import { nearestRatio } from "../aspect-ratio.ts";
import { unsupported } from "../failure/unsupported.ts";
import type { AskedPicture, MediaCall, PictureForm } from "../media-adapter.ts";
import { editBody } from "./edit-body.ts";
import { optionsFor, outputFor } from "./options.ts";

/** The vendor's calls, by the names that models have here. */
const CALLS = ["edit", "remove-background", "edit-async", "ai-edit", "generate", "scene"] as const;
type Call = (typeof CALLS)[number];

/** Of one call that makes several. */
const MOST_PICTURES = 4;
const PROMPT_CHARS = { generate: [3, 1_024], "ai-edit": [3, 5_000], scene: [3, 2_048] } as const;
const RATIOS = ["1:1", "2:3", "3:2", "3:4", "4:3", "9:16", "16:9", "9:21", "21:9"] as const;

/** A name of the operator's own does what it is asked for. */
const callOf = (model: string, operation: MediaOperation): Call =>
  CALLS.find((name) => name === model) ?? (operation === "image" ? "generate" : "edit");

/** Jobs fetch their pictures; an edit that answers at once takes them as a file as well. */
export function takes(
  { operation }: AskedPicture,
  { model }: Pick<Target, "model">,
): PictureForm | undefined {
  const call = callOf(model, operation);
  return call === "edit-async" || call === "ai-edit" || call === "scene" ? "url" : undefined;
}

/** @throws SluiceError `unsupported_parameter` for what Claid cannot do: it refuses every field that it does not know */
export function callFor(request: MediaRequest, target: Target): MediaCall {
  const call = callOf(target.model, request.operation);
  if (request.mask !== undefined) throw unsupported("mask", "Claid takes no masks.");
  if ((call === "generate") !== (request.operation === "image")) {
    const words = call === "generate" ? "draws from words alone" : "works from a picture";
    throw unsupported("model", `This model of Claid ${words}.`);
  }
  switch (call) {
    case "generate":
      return generate(request, target);
    case "ai-edit":
      return aiEdit(request, target);
    case "scene":
      return scene(request, target);
    default:
      return edit(request, target, call);
  }
}

function edit(
  request: MediaRequest,
  target: Target,
  call: Exclude<Call, "generate" | "ai-edit" | "scene">,
): MediaCall {
  if (request.count > 1) throw unsupported("n", "This model of Claid makes one picture a call.");
  if (request.prompt !== undefined) {
    throw unsupported("prompt", "This model of Claid is told what to do by `operations`, not by words.");
  }
  const picture = onlyPicture(request);
  const { body, dropped } = editBody(request, call === "remove-background");
  if (picture.kind === "url") {
    const path = call === "edit-async" ? "/image/edit/async" : "/image/edit";
    return post(target, path, { input: urlOf(picture), ...body }, dropped);
  }
  const form = new FormData();
  form.set("file", new Blob([Uint8Array.from(picture.bytes)], { type: picture.contentType }), "picture");
  form.set("data", JSON.stringify(body));
  return {
    method: "POST",
    url: `${target.baseUrl}/image/edit/upload`,
    headers: { authorization: `Bearer ${target.secret}` },
    body: form,
    ...(dropped.length === 0 ? {} : { dropped }),
  };
}

function generate(request: MediaRequest, target: Target): MediaCall {
  const { options } = optionsFor(request, ["options"]);
  return post(
    target,
    "/image/generate",
    { input: promptOf(request, "generate"), options: { ...options, number_of_images: countOf(request) } },
    droppedOf(request, "size", "format", "negative_prompt"),
  );
}

function aiEdit(request: MediaRequest, target: Target): MediaCall {
  const { options, output } = optionsFor(request, ["options", "output"]);
  const ratio = request.size && nearestRatio(request.size, RATIOS);
  if (request.format !== undefined && request.format !== "png" && request.format !== "jpeg") {
    throw unsupported("output_format", "This model of Claid writes png and jpeg.");
  }
  const body = {
    input: urlOf(onlyPicture(request)),
    options: { ...(ratio && { aspect_ratio: ratio }), ...options, prompt: promptOf(request, "ai-edit") },
    output: { ...outputFor(request.format), ...output, number_of_images: countOf(request) },
  };
  return post(target, "/image/ai-edit", body, droppedOf(request, "negative_prompt"));
}

function scene(request: MediaRequest, target: Target): MediaCall {
  const given = optionsFor(request, ["object", "scene", "output"]);
  const ratio = request.size && nearestRatio(request.size, RATIOS);
  if (request.format !== undefined && request.format !== "png") {
    throw unsupported("output_format", "This model of Claid writes png.");
  }
  const { prompt, negativePrompt } = request;
  const words = {
    ...(prompt === undefined ? {} : { prompt: promptOf(request, "scene") }),
    ...(negativePrompt === undefined ? {} : { negative_prompt: negativePrompt }),
    ...(ratio && { aspect_ratio: ratio }),
  };
  if (prompt === undefined && Object.keys(given.scene).length === 0) {
    throw unsupported("prompt", "A scene needs a prompt, or `scene`.");
  }
  const body = {
    object: { ...given.object, image_url: urlOf(onlyPicture(request)) },
    scene: { ...words, ...given.scene },
    output: { format: "png", ...given.output, number_of_images: countOf(request) },
  };
  return post(target, "/scene/create", body, droppedOf(request));
}

const post = (
  { baseUrl, secret }: Target,
  path: string,
  body: JsonObject,
  dropped: readonly string[],
): MediaCall => ({
  method: "POST",
  url: baseUrl + path,
  headers: { "content-type": "application/json", authorization: `Bearer ${secret}` },
  body: JSON.stringify(body),
  ...(dropped.length === 0 ? {} : { dropped }),
});

/** Said in any case: the vendor's own number is 4. */
function countOf({ count }: MediaRequest): number {
  if (count > MOST_PICTURES) throw unsupported("n", `Claid makes at most ${MOST_PICTURES} pictures a call.`);
  return count;
}

function promptOf({ prompt = "" }: MediaRequest, call: keyof typeof PROMPT_CHARS): string {
  const [least, most] = PROMPT_CHARS[call];
  if (prompt.length >= least && prompt.length <= most) return prompt;
  throw unsupported("prompt", `A prompt for this model of Claid has ${least} to ${most} characters.`);
}

function onlyPicture({ inputs }: MediaRequest): MediaInput {
  const [picture, ...others] = inputs;
  if (picture === undefined || others.length > 0) throw unsupported("image", "Claid works from one picture.");
  return picture;
}

function urlOf(picture: MediaInput): string {
  if (picture.kind === "url") return picture.url;
  throw unsupported("image", "This model of Claid fetches its picture.");
}

function droppedOf(request: MediaRequest, ...more: readonly string[]): string[] {
  const named: Readonly<Record<string, unknown>> = {
    quality: request.quality,
    style: request.style,
    seed: request.seed,
    background: request.background,
    size: more.includes("size") ? request.size : undefined,
    output_format: more.includes("format") ? request.format : undefined,
    negative_prompt: more.includes("negative_prompt") ? request.negativePrompt : undefined,
  };
  return Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : [name]));
}
