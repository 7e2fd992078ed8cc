import type { JsonObject } from "../../core/generation.ts";
import type { MediaInput, MediaRequest } from "../../core/media.ts";
import type { Target } from "../adapter.ts";
import { unsupported } from "../failure/unsupported.ts";
import { isObject } from "../json.ts";
import type { MediaCall } from "../media-adapter.ts";
import { editFields } from "./edit-fields.ts";
import type { FormFields } from "./form-fields.ts";
import { segmentFields } from "./segment-fields.ts";

/** The vendor's own name of taking a background away; every other name is an edit. */
const SEGMENT_MODEL = "remove-background";
/** Where v1 is, unless the operator has put all of Photoroom elsewhere. */
const EDIT_HOST = "https://image-api.photoroom.com";
const SEGMENT_HOST = "https://sdk.photoroom.com";

/** Choose among the vendor's own models; not in its specification, seen in its clients. */
const VERSION_HEADERS = ["pr-ai-background-model-version", "pr-ai-shadows-model-version"];
const VERSION = /^[\w.-]{1,64}$/;
/** What the gateway itself says. */
const OWN_FIELDS = /^(?:imageFile|imageUrl|apiKey)$/;

/** @throws SluiceError `unsupported_parameter` for what Photoroom cannot do */
export function callFor(request: MediaRequest, { model, baseUrl, secret }: Target): MediaCall {
  if (request.mask !== undefined) throw unsupported("mask", "Photoroom takes no masks.");
  const { headers, options } = separated(request.options);
  const isSegment = model === SEGMENT_MODEL;
  const form = isSegment ? segmentFields(request, options) : editFields(request, options, model);
  const dropped = [
    ...form.dropped,
    ...(request.quality === undefined ? [] : ["quality"]),
    ...(request.style === undefined ? [] : ["style"]),
  ];
  const host = isSegment && baseUrl === EDIT_HOST ? SEGMENT_HOST : baseUrl;
  return {
    method: "POST",
    url: host + form.path,
    headers: { "x-api-key": secret, accept: "image/*", ...headers },
    body: formOf(form.fields),
    ...(dropped.length === 0 ? {} : { dropped }),
  };
}

/** Options as the dotted names that the vendor has, nested ones too, and those that are headers. */
function separated(options: JsonObject): {
  readonly headers: Record<string, string>;
  readonly options: ReadonlyMap<string, string>;
} {
  const headers: Record<string, string> = {};
  const fields = new Map<string, string>();
  for (const [name, value] of dotted("", options)) {
    if (OWN_FIELDS.test(name) || name.endsWith(".imageFile")) {
      throw unsupported(name, `'${name}' is not to be given: pictures go in 'image'.`);
    }
    if (!VERSION_HEADERS.includes(name)) fields.set(name, value);
    else if (VERSION.test(value)) headers[name] = value;
    else throw unsupported(name, `'${name}' must be the name of a version.`);
  }
  return { headers, options: fields };
}

function* dotted(before: string, values: JsonObject): Generator<readonly [string, string]> {
  for (const [key, value] of Object.entries(values)) {
    const name = before + key;
    if (isObject(value)) yield* dotted(`${name}.`, value);
    else if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
      yield [name, String(value)];
    } else if (Array.isArray(value)) yield [name, JSON.stringify(value)];
  }
}

function formOf(fields: FormFields["fields"]): FormData {
  const form = new FormData();
  for (const [name, value] of fields) {
    // No name comes twice; `set` would look through all that are there.
    if (typeof value === "string") form.append(name, value);
    else form.append(name, fileOf(value), "picture");
  }
  return form;
}

/** The vendor takes pictures as files alone: `takes` says so, and others do not come here. */
function fileOf(input: MediaInput): Blob {
  if (input.kind === "url") throw unsupported("image", "The picture must be sent itself.");
  return new Blob([Uint8Array.from(input.bytes)], { type: input.contentType });
}
