/** A file among a form's fields. */
export interface FormFile {
  readonly field: string;
  readonly name: string;
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

/**
 * A form as `multipart/form-data` (RFC 7578). The boundary comes from the file's own digest, so that the same form is
 * the same bytes, and no file holds its own boundary.
 */
export function encodeForm(
  fields: readonly (readonly [name: string, value: string])[],
  file: FormFile,
): { readonly contentType: string; readonly body: Uint8Array } {
  const hash = new Bun.CryptoHasher("sha256").update(file.bytes);
  for (const [name, value] of fields) hash.update(`\n${name}=${value}`);
  const boundary = `sluice-${hash.digest("hex")}`;
  const head = fields
    .map(([name, value]) => `--${boundary}\r\n${disposition(name)}\r\n\r\n${value}\r\n`)
    .concat(
      `--${boundary}\r\n${disposition(file.field)}; filename="${quoted(file.name)}"\r\n`,
      `content-type: ${file.contentType.replace(/[^\x20-\x7e]/g, "")}\r\n\r\n`,
    )
    .join("");
  const body = Buffer.concat([Buffer.from(head), file.bytes, Buffer.from(`\r\n--${boundary}--\r\n`)]);
  return { contentType: `multipart/form-data; boundary=${boundary}`, body };
}

const disposition = (name: string): string => `content-disposition: form-data; name="${quoted(name)}"`;

/** As browsers write names into a header: nothing in one can end it. */
const quoted = (text: string): string =>
  text.replaceAll('"', "%22").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
