import type { MediaFormat, MediaRequest } from "../../core/media.ts";
import { unsupported } from "../failure/unsupported.ts";
import type { FormFields } from "./form-fields.ts";

const KNOWN: ReadonlySet<string> = new Set(["format", "channels", "bg_color", "size", "crop", "despill"]);
const FORMATS: Readonly<Partial<Record<MediaFormat, string>>> = { png: "png", jpeg: "jpg", webp: "webp" };

/** Output sizes by their largest number of pixels. */
const SIZES = [
  [250_000, "preview"],
  [1_500_000, "medium"],
  [4_000_000, "hd"],
] as const;

/** The form of v1/segment. Booleans are words there. */
export function segmentFields(request: MediaRequest, options: ReadonlyMap<string, string>): FormFields {
  const { operation, inputs, prompt, negativePrompt, seed, size, format, background } = request;
  const [picture, ...others] = inputs;
  if (operation !== "image_edit" || picture === undefined) {
    throw unsupported("image", "Taking a background away needs a picture.");
  }
  if (others.length > 0) throw unsupported("image", "Taking a background away takes one picture.");
  const fields: FormFields["fields"] = new Map([["image_file", picture]]);
  if (format !== undefined) fields.set("format", formatOf(format));
  if (size !== undefined) {
    const pixels = size.width * size.height;
    fields.set("size", SIZES.find(([most]) => pixels <= most)?.[1] ?? "full");
  }
  if (background === "opaque") fields.set("bg_color", "#FFFFFF");
  const dropped: string[] = [];
  for (const [name, value] of options) {
    if (KNOWN.has(name)) fields.set(name, value);
    else dropped.push(name);
  }
  if (prompt !== undefined) dropped.push("prompt");
  if (negativePrompt !== undefined) dropped.push("negative_prompt");
  if (seed !== undefined) dropped.push("seed");
  return { path: "/v1/segment", fields, dropped };
}

function formatOf(format: MediaFormat): string {
  const name = FORMATS[format];
  if (name === undefined)
    throw unsupported("output_format", "Backgrounds are taken away as png, jpeg or webp.");
  return name;
}
