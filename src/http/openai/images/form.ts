import { SluiceError } from "../../../core/errors.ts";
import type { JsonObject } from "../../../core/generation.ts";
import type { MediaInput } from "../../../core/media.ts";
import type { FormEntry } from "../../form-entries.ts";

/** A form's fields as a JSON body has them, and its files. */
export interface ImageForm {
  readonly body: JsonObject;
  readonly images: readonly MediaInput[];
  readonly mask?: MediaInput;
}

const NUMBERS: ReadonlySet<string> = new Set(["n", "seed", "output_compression", "partial_images"]);
const BOOLEANS: ReadonlySet<string> = new Set(["stream"]);

/** Reads a form as `/v1/images/edits` takes it: `image` or `image[]`, `mask`, and fields. Throws `invalid_request`. */
export function readImageForm(entries: readonly FormEntry[]): ImageForm {
  const body: Record<string, unknown> = {};
  const images: MediaInput[] = [];
  let mask: MediaInput | undefined;
  for (const [name, value] of entries) {
    if (typeof value === "string") {
      if (name.endsWith("[]") || name === "image") {
        const key = name.replace(/\[\]$/, "");
        body[key] = [...(Array.isArray(body[key]) ? body[key] : []), value];
      } else body[name] = plainOf(name, value);
      continue;
    }
    const file: MediaInput = { kind: "bytes", bytes: value.bytes, contentType: value.contentType };
    if (name === "mask") mask = file;
    else if (/^(?:image|images)(?:\[\d*\])?$/.test(name)) images.push(file);
    else {
      throw new SluiceError("invalid_request", `The file '${name.slice(0, 64)}' is not expected here.`, {
        param: name.slice(0, 64),
      });
    }
  }
  return { body, images, ...(mask === undefined ? {} : { mask }) };
}

/** A form knows nothing but text. */
function plainOf(name: string, value: string): unknown {
  if (NUMBERS.has(name) && /^\d+$/.test(value)) return Number(value);
  if (BOOLEANS.has(name)) return value === "true" || value === "1";
  return value;
}
