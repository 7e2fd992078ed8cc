import type { MadePicture, MediaInput } from "../core/media.ts";

/** Pictures that stand in JSON as base64. */

/** A picture to work from as vendors take it in JSON: where it can be fetched, or itself as a `data:` URL. */
export const addressOf = (input: MediaInput): string =>
  input.kind === "url" ? input.url : `data:${input.contentType};base64,${base64Of(input.bytes)}`;

export const base64Of = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");

/** Undefined: it is no picture of a kind that vendors make. Vendors' words for what they sent are wrong too often. */
export function pictureIn(base64: string): (MadePicture & { readonly kind: "bytes" }) | undefined {
  const bytes = Buffer.from(base64, "base64");
  const head = bytes.toString("latin1", 0, 12);
  const contentType = KINDS.find(([kind]) => kind.test(head))?.[1];
  return contentType === undefined ? undefined : { kind: "bytes", bytes, contentType };
}

/** By their first bytes, as Latin-1. */
const KINDS: readonly (readonly [head: RegExp, contentType: string])[] = [
  [/^\x89PNG/, "image/png"],
  [/^\xff\xd8\xff/, "image/jpeg"],
  [/^RIFF.{4}WEBP/s, "image/webp"],
  [/^GIF8/, "image/gif"],
  [/^.{4}ftypavi[fs]/s, "image/avif"],
];

/** Where a picture can be fetched; undefined for anything else. */
export const pictureAt = (url: string): MadePicture | undefined =>
  /^https?:\/\//i.test(url) && URL.canParse(url) ? { kind: "url", url } : undefined;
