import type { JsonObject } from "../../core/generation.ts";
import type { MediaInput } from "../../core/media.ts";
import { invalid } from "../../gateway/requests/fields.ts";
import { contentTypeOf, isPicture, SNIFFED_BYTES } from "../../media/sniff.ts";

const MOST_PICTURES = 16;
const BASE64 = /^[A-Za-z0-9+/=\s]+$/;

/** A `data:` URL, base64 alone, or, where the protocol takes one, a URL. @throws SluiceError `invalid_request` */
export function pictureOf(value: unknown, param: string, mayBeUrl = false): MediaInput {
  if (typeof value !== "string" || value === "") throw invalid(param, "must be a picture in base64");
  if (/^https?:\/\//i.test(value)) {
    if (mayBeUrl && URL.canParse(value)) return { kind: "url", url: value };
    throw invalid(param, "must be a picture in base64, not a URL");
  }
  const text = value.startsWith("data:") ? value.slice(value.indexOf(",") + 1) : value;
  const bytes = BASE64.test(text) ? Buffer.from(text, "base64") : Buffer.alloc(0);
  const contentType = contentTypeOf(bytes.subarray(0, SNIFFED_BYTES));
  if (contentType === undefined || !isPicture(contentType))
    throw invalid(param, "must be a picture in base64");
  return { kind: "bytes", bytes, contentType };
}

/** `base64Array`, or the older `base64`. */
export function picturesIn(body: JsonObject): readonly MediaInput[] {
  const given = body.base64Array ?? (body.base64 === undefined || body.base64 === null ? [] : [body.base64]);
  if (!Array.isArray(given)) throw invalid("base64Array", "must be an array of pictures in base64");
  const values = given.filter((value) => value !== null && value !== "");
  if (values.length > MOST_PICTURES)
    throw invalid("base64Array", `must be at most ${MOST_PICTURES} pictures`);
  return values.map((value, index) => pictureOf(value, `base64Array[${index}]`));
}
