import type { JsonObject } from "../../core/generation.ts";
import type { MediaFormat, MediaInput, MediaOperation, MediaRequest } from "../../core/media.ts";
import { asBody, checkFields, type FieldType, invalid, optionalInteger, requiredText } from "./fields.ts";

/** OpenAI's bounds; what a vendor takes less of, it says. */
const MOST_PICTURES = 10;
const MOST_INPUTS = 16;
const MOST_SIDE = 16_384;
const MOST_PROMPT_CHARS = 32_000;
/** Values of a vendor's own fields, inner ones too, and how deep they may lie: far more than any vendor has words for. */
const MOST_VALUES = 1_000;
const MOST_DEPTH = 10;
const FORMATS: readonly MediaFormat[] = ["png", "jpeg", "webp", "avif"];
const BACKGROUNDS = ["transparent", "opaque", "auto"] as const;

const FIELDS: Readonly<Record<string, FieldType>> = {
  prompt: "string",
  negative_prompt: "string",
  n: "integer",
  size: "string",
  quality: "string",
  style: "string",
  background: "string",
  output_format: "string",
  seed: "integer",
  stream: "boolean",
  user: "string",
};

/** What is read here or by whoever answers; everything else is the vendor's own. */
const KNOWN: ReadonlySet<string> = new Set([
  ...Object.keys(FIELDS),
  "model",
  "image",
  "images",
  "image[]",
  "image_url",
  "mask",
  "response_format",
  "partial_images",
]);

/**
 * Reads what OpenAI's images calls take, as JSON or as the fields of a form. Pictures are `data:` URLs, URLs, or what
 * came as files. Throws SluiceError `invalid_request` with the field in `param`.
 */
export function parseMedia(
  value: unknown,
  operation: MediaOperation,
  files: { readonly images: readonly MediaInput[]; readonly mask?: MediaInput } = { images: [] },
): MediaRequest {
  const body = asBody(value);
  const model = requiredText(body, "model");
  checkFields(body, FIELDS);
  const inputs = [...files.images, ...picturesIn(body)];
  if (inputs.length > MOST_INPUTS) throw invalid("image", `must be at most ${MOST_INPUTS} pictures`);
  if (operation === "image") requiredText(body, "prompt");
  else if (inputs.length === 0) throw invalid("image", "is required");
  const prompt = textOf(body.prompt);
  if (prompt !== undefined && prompt.length > MOST_PROMPT_CHARS) {
    throw invalid("prompt", `must be at most ${MOST_PROMPT_CHARS} characters`);
  }
  const mask = files.mask ?? (isGiven(body.mask) ? pictureOf(body.mask, "mask") : undefined);
  const seed = optionalInteger(body, "seed", 0, Number.MAX_SAFE_INTEGER);
  const size = sizeOf(body.size);
  return {
    operation,
    model,
    inputs,
    count: optionalInteger(body, "n", 1, MOST_PICTURES) ?? 1,
    options: optionsIn(body),
    ...optional("prompt", prompt),
    ...optional("negativePrompt", textOf(body.negative_prompt)),
    ...optional("mask", mask),
    ...optional("size", size),
    ...optional("quality", wordOf(body.quality)),
    ...optional("style", textOf(body.style)),
    ...optional("background", oneOf(body.background, "background", BACKGROUNDS)),
    ...optional("format", oneOf(body.output_format, "output_format", FORMATS)),
    ...optional("seed", seed),
  };
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;
const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;
/** `auto` leaves it to the vendor, as nothing does. */
const wordOf = (value: unknown): string | undefined => (value === "auto" ? undefined : textOf(value));

const optional = <Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [Key in Name]?: Value } =>
  value === undefined ? {} : ({ [name]: value } as { readonly [Key in Name]: Value });

function oneOf<Word extends string>(value: unknown, param: string, words: readonly Word[]): Word | undefined {
  if (!isGiven(value) || value === "") return undefined;
  const word = words.find((known) => known === value);
  if (word === undefined) throw invalid(param, `must be ${words.map((known) => `'${known}'`).join(", ")}`);
  return word;
}

function sizeOf(value: unknown): MediaRequest["size"] {
  const text = wordOf(value);
  if (text === undefined) return undefined;
  const [, width, height] = /^(\d{1,5})[x×](\d{1,5})$/i.exec(text) ?? [];
  const size = { width: Number(width), height: Number(height) };
  const isSide = (side: number): boolean => side >= 1 && side <= MOST_SIDE;
  if (isSide(size.width) && isSide(size.height)) return size;
  throw invalid("size", "must be 'auto' or a width and height in pixels such as '1024x1024'");
}

function picturesIn(body: JsonObject): readonly MediaInput[] {
  const given = [body.image, body.images, body["image[]"], body.image_url].filter(isGiven).flat();
  return given.map((value) => pictureOf(value, "image"));
}

/** A URL, a `data:` URL, or an object that holds one (`{image_url}`, `{url}`), as OpenAI's bodies have it. */
function pictureOf(value: unknown, param: string): MediaInput {
  if (typeof value === "object" && value !== null) {
    const { image_url, url } = value as { image_url?: unknown; url?: unknown }; // only read, and checked below
    const inner = image_url ?? url;
    if (typeof inner === "string" || (typeof inner === "object" && inner !== null))
      return pictureOf(inner, param);
  }
  if (typeof value !== "string") throw invalid(param, "must be a URL, a 'data:' URL or a file");
  const data = /^data:(image\/[\w.+-]+);base64,([A-Za-z0-9+/=\s]+)$/.exec(value);
  if (data !== null) {
    const bytes = Buffer.from(data[2] ?? "", "base64");
    if (bytes.byteLength > 0) return { kind: "bytes", bytes, contentType: data[1] ?? "" };
  }
  if (/^https?:\/\//i.test(value) && URL.canParse(value)) return { kind: "url", url: value };
  throw invalid(param, "must be a URL, a 'data:' URL or a file");
}

/** Fields of the vendor's own, under its own names. */
function optionsIn(body: JsonObject): JsonObject {
  const options: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(body))
    if (!KNOWN.has(name) && isGiven(value)) options[name] = value;
  checkBounds(options);
  return options;
}

/** Adapters take them apart, name by name: what no vendor has a use for must hold up nobody. */
function checkBounds(options: JsonObject): void {
  let values = 0;
  const check = (value: unknown, name: string, depth: number): void => {
    values += 1;
    if (values > MOST_VALUES)
      throw invalid(name, `is too much: at most ${MOST_VALUES} values go to a vendor`);
    if (typeof value !== "object" || value === null) return;
    if (depth >= MOST_DEPTH) throw invalid(name, `must be at most ${MOST_DEPTH} levels deep`);
    for (const inner of Object.values(value)) check(inner, name, depth + 1);
  };
  for (const [name, value] of Object.entries(options)) check(value, name.slice(0, 64), 1);
}
