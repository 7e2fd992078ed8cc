import { SluiceError } from "../core/errors.ts";
import { excessOf } from "../core/nesting.ts";
import { excessive } from "../gateway/requests/fields.ts";
import { brokenAt } from "./json-position.ts";

/**
 * The request's body, never more than `limitBytes` of it in memory. What says that it is longer is refused
 * before it is read; what does not say is counted as it arrives.
 * @throws SluiceError `payload_too_large`; `request_cancelled` when the client goes away
 */
export function readBody(request: Request, limitBytes: number): Promise<Uint8Array> {
  const declared = request.headers.get("content-length");
  if (declared === null) return readCounted(request.body, limitBytes).catch(endedEarly);
  if (Number(declared) > limitBytes) return Promise.reject(tooLarge(limitBytes));
  return request.bytes().then((bytes) => within(bytes, limitBytes), endedEarly);
}

function endedEarly(thrown: unknown): never {
  if (thrown instanceof SluiceError) throw thrown;
  throw new SluiceError("request_cancelled", "The request's body ended early.", { cause: thrown });
}

/** Whether a body, or a file in a form, is said to be JSON lines. */
export const isJsonLines = (contentType: string): boolean =>
  /^application\/(?:jsonl|x-ndjson|x-jsonlines)\b/i.test(contentType);

async function readCounted(body: ReadableStream<Uint8Array> | null, limitBytes: number): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop early cancels the stream, so nothing more of it is received.
  for await (const chunk of body) {
    length += chunk.byteLength;
    if (length > limitBytes) throw tooLarge(limitBytes);
    chunks.push(chunk);
  }
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, length);
}

/** A server holds a body to its `content-length`; a request made in the process may say what it likes. */
function within(bytes: Uint8Array, limitBytes: number): Uint8Array {
  if (bytes.byteLength > limitBytes) throw tooLarge(limitBytes);
  return bytes;
}

const tooLarge = (limitBytes: number): SluiceError =>
  new SluiceError("payload_too_large", `The request's body is larger than the limit of ${limitBytes} bytes.`);

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The body as JSON. The message tells what is wrong with it, and where, and nothing of what is in it.
 * @throws SluiceError `invalid_json`; `invalid_request` for one that would hold up everybody (`core/nesting.ts`)
 */
export function parseJson(bytes: Uint8Array): unknown {
  if (bytes.byteLength === 0) throw new SluiceError("invalid_json", "The request's body is empty.");
  const excess = excessOf(bytes);
  if (excess !== undefined) throw excessive(excess);
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new SluiceError("invalid_json", "The request's body is not UTF-8.");
  }
  try {
    return JSON.parse(text);
  } catch (thrown) {
    const place = brokenAt(text);
    const where = place === undefined ? "" : ` (line ${place.line}, column ${place.column})`;
    throw new SluiceError("invalid_json", `The request's body is not JSON: ${reasonOf(thrown)}${where}.`);
  }
}

/** The parser quotes words of the text it could not read; only single signs are told. */
function reasonOf(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : "it cannot be read";
  return message
    .replace(/^JSON Parse error: /, "")
    .replace(/\s*"[^"]*"?/g, "")
    .replace(/[.\s]+$/, "")
    .slice(0, 100);
}
