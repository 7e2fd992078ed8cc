import { SluiceError } from "../core/errors.ts";

/** A form's part: a text, or a file. */
export type FormEntry = readonly [name: string, value: string | FormFileEntry];

export interface FormFileEntry {
  /** As the client named it; empty where it did not. */
  readonly name: string;
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

/** More than any call has: sixteen pictures to edit, a mask, and every option there is. */
const MOST_PARTS = 200;

export const isForm = (contentType: string): boolean =>
  contentType.toLowerCase().startsWith("multipart/form-data");

/** The parts of a multipart body, in their order. Throws SluiceError `invalid_request` for what is none. */
export async function readFormEntries(bytes: Uint8Array, contentType: string): Promise<readonly FormEntry[]> {
  const boundary = boundaryIn(contentType);
  if (boundary === undefined) {
    throw new SluiceError("invalid_request", "The form's content type must name its boundary.");
  }
  if (hasTooManyParts(bytes, boundary)) {
    throw new SluiceError("invalid_request", `A form may have at most ${MOST_PARTS} parts.`);
  }
  let form: Awaited<ReturnType<Response["formData"]>>;
  try {
    form = await new Response(bytes, { headers: { "content-type": contentType } }).formData();
  } catch (cause) {
    throw new SluiceError("invalid_request", "The multipart body cannot be read.", { cause });
  }
  const entries: FormEntry[] = [];
  for (const [name, value] of form.entries()) {
    if (typeof value === "string") entries.push([name, value]);
    else {
      const content = new Uint8Array(await value.arrayBuffer());
      const type = value.type || "application/octet-stream";
      entries.push([name, { name: value.name, contentType: type, bytes: content }]);
    }
  }
  return entries;
}

/** Undefined where there are two as well: nobody knows by which of them the form is taken apart. */
function boundaryIn(contentType: string): string | undefined {
  if (contentType.match(/boundary=/gi)?.length !== 1) return undefined;
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType) ?? [];
  return quoted ?? plain;
}

/** Told before the body is taken apart: hundreds of thousands of empty parts fit one, and would hold up everybody. */
function hasTooManyParts(bytes: Uint8Array, boundary: string): boolean {
  const mark = `--${boundary}`;
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = -1;
  for (let marks = 0; marks <= MOST_PARTS; marks += 1) {
    at = body.indexOf(mark, at + 1);
    // The last one ends the form.
    if (at === -1) return false;
  }
  return body.indexOf(mark, at + 1) !== -1;
}

/** Of all that a form says: its boundary is made anew with each try, and says nothing. */
export function formPrint(entries: readonly FormEntry[]): string {
  const hash = new Bun.CryptoHasher("sha256");
  for (const [name, value] of entries) {
    if (typeof value === "string") hash.update(`${JSON.stringify([name, value])}\n`);
    else {
      hash.update(`${JSON.stringify([name, value.name, value.contentType, value.bytes.byteLength])}\n`);
      hash.update(value.bytes);
    }
  }
  return hash.digest("hex");
}
