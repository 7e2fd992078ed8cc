import { SluiceError } from "../core/errors.ts";

/** A form's part: a text, or a file. */
export type FormEntry = readonly [name: string, value: string | FormFileEntry];

export interface FormFileEntry {
  /** As the client named it; empty where it did not. */
  readonly name: string;
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

export const isForm = (contentType: string): boolean =>
  contentType.toLowerCase().startsWith("multipart/form-data");

/** The parts of a multipart body, in their order. Throws SluiceError `invalid_request` for what is none. */
export async function readFormEntries(bytes: Uint8Array, contentType: string): Promise<readonly FormEntry[]> {
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
