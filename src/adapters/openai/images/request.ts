import type { MediaInput, MediaRequest } from "../../../core/media.ts";
import type { Target } from "../../adapter.ts";
import { unsupported } from "../../failure/unsupported.ts";
import type { MediaCall } from "../../media-adapter.ts";

/** Fields of OpenAI's own (spec 2.3.0). It refuses what it does not know, `response_format` too: these models answer in base64. */
const OPTIONS: ReadonlySet<string> = new Set(["moderation", "output_compression"]);
const EDIT_OPTIONS: ReadonlySet<string> = new Set([...OPTIONS, "input_fidelity"]);

/** The words of DALL·E, which is retired, for clients that still say them; `standard` is what is made without a word. */
const QUALITIES: Readonly<Record<string, string | undefined>> = { hd: "high", standard: undefined };

const ENDINGS: Readonly<Record<string, string>> = {
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/webp": "webp",
};

/**
 * `/images/generations` out of words, `/images/edits` with pictures to work from.
 * @throws SluiceError `unsupported_parameter` for what OpenAI's picture models cannot do
 */
export function callFor(request: MediaRequest, target: Target): MediaCall {
  const { prompt, inputs, mask } = request;
  if (prompt === undefined) throw unsupported("prompt", "OpenAI's picture models need a prompt.");
  const isEdit = inputs.length > 0;
  if (mask !== undefined && !isEdit) throw unsupported("mask", "A mask needs a picture.");
  const { fields, dropped } = fieldsOf(request, prompt, target.model, isEdit ? EDIT_OPTIONS : OPTIONS);
  const authorization = `Bearer ${target.secret}`;
  const told = dropped.length === 0 ? {} : { dropped };
  if (!isEdit) {
    return {
      method: "POST",
      url: `${target.baseUrl}/images/generations`,
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify(Object.fromEntries(fields)),
      ...told,
    };
  }
  const form = new FormData();
  for (const [name, value] of fields) form.set(name, String(value));
  // Servers that speak OpenAI's dialect may know the name of one picture alone.
  for (const input of inputs) appendFile(form, inputs.length === 1 ? "image" : "image[]", input);
  if (mask !== undefined) appendFile(form, "mask", mask);
  return {
    method: "POST",
    url: `${target.baseUrl}/images/edits`,
    headers: { authorization },
    body: form,
    ...told,
  };
}

function fieldsOf(
  request: MediaRequest,
  prompt: string,
  model: string,
  known: ReadonlySet<string>,
): { readonly fields: ReadonlyMap<string, unknown>; readonly dropped: readonly string[] } {
  const { count, size, quality, style, background, format, seed, negativePrompt, options } = request;
  if (format === "avif") throw unsupported("output_format", "OpenAI writes png, jpeg and webp.");
  const fields = new Map<string, unknown>([
    ["model", model],
    ["prompt", prompt],
    ["n", count],
  ]);
  const dropped: string[] = [];
  if (size !== undefined) fields.set("size", `${size.width}x${size.height}`);
  if (quality !== undefined) {
    const named = Object.hasOwn(QUALITIES, quality) ? QUALITIES[quality] : quality;
    if (named === undefined) dropped.push("quality");
    else fields.set("quality", named);
  }
  if (background !== undefined) fields.set("background", background);
  if (format !== undefined) fields.set("output_format", format);
  if (style !== undefined) dropped.push("style");
  if (seed !== undefined) dropped.push("seed");
  if (negativePrompt !== undefined) dropped.push("negative_prompt");
  for (const [name, value] of Object.entries(options)) {
    const isPlain = typeof value === "string" || typeof value === "number";
    if (known.has(name) && isPlain) fields.set(name, value);
    else dropped.push(name);
  }
  return { fields, dropped };
}

/** OpenAI takes pictures as files alone: `takes` says so, and others do not come here. */
function appendFile(form: FormData, name: string, input: MediaInput): void {
  if (input.kind === "url") throw unsupported("image", "The picture must be sent itself.");
  const { bytes, contentType } = input;
  const file = `${name === "mask" ? "mask" : "picture"}.${ENDINGS[contentType] ?? "png"}`;
  form.append(name, new Blob([Uint8Array.from(bytes)], { type: contentType }), file);
}
