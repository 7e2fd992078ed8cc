import type { Clock } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import type { MediaId, TenantId } from "../../core/ids.ts";
import { DEFAULT_BODY_BYTES } from "../../core/limits.ts";
import { createFairTurns } from "../../media/fair-turns.ts";
import type { MediaStore, StoredMedia } from "../../media/media.ts";
import { JSON_LINES } from "../../media/sniff.ts";
import { type BatchPath, type BatchRequest, lineReader, noLines, parseLine } from "../requests/batch.ts";
import { type TextLine, textLines } from "../requests/text-lines.ts";

/** A file that is named as a batch's lines. */
export interface WantedFile {
  readonly id: MediaId;
  /** In the request that names it. */
  readonly param: string;
  /** What a line without `url` is for. */
  readonly endpoint: unknown;
}

/** One whose lines were all looked at. */
export interface BatchFile {
  readonly urls: ReadonlySet<BatchPath>;
  /** Reads it anew, a line at a time. */
  lines(): AsyncIterable<BatchRequest>;
}

export interface BatchFiles {
  /**
   * Checks a file's lines and hands them to `use`. Reads it twice rather than keep it in memory.
   * @throws SluiceError `not_found` when the tenant has no such file, `payload_too_large`, `invalid_request` or
   *   `invalid_json` with the line that cannot be one of a batch, `overloaded` when too many are read
   */
  open<Value>(tenant: TenantId, wanted: WantedFile, use: (file: BatchFile) => Promise<Value>): Promise<Value>;
}

/** OpenAI's bound of a batch's file. */
const MOST_FILE_BYTES = 200 * 1024 * 1024;
/** A line is a request: as long as one may be by itself. */
const MOST_LINE_BYTES = DEFAULT_BODY_BYTES;
/** After so many lines everybody else has a turn. */
const LINES_A_TURN = 100;
/** Of a store between two pieces: meanwhile others wait for the place, and the ledger for the end of a transaction. */
const SILENT_MS = 15_000;
/** Read at once on a node: each holds a line, and a connection to the ledger while its lines are written down. */
const READS = { atOnce: 2, waiting: 64, atOnceOfOne: 1, waitingOfOne: 8 };

export function createBatchFiles(
  store: Pick<MediaStore, "find" | "read">,
  clock: Pick<Clock, "soon" | "after">,
): BatchFiles {
  const turns = createFairTurns(READS);
  const read = async function* (media: StoredMedia, wanted: WantedFile): AsyncGenerator<BatchRequest> {
    const take = lineReader(wanted.param, wanted.endpoint);
    const pieces = await store.read(media, 0, media.bytes);
    let count = 0;
    for await (const line of textLines(inTime(pieces, clock), MOST_LINE_BYTES, wanted.param)) {
      count += 1;
      if (count % LINES_A_TURN === 0) await new Promise<void>((resolve) => clock.soon(resolve));
      yield requestOf(line, wanted.param, take);
    }
    if (count === 0) throw noLines(wanted.param);
  };
  return {
    open: (tenant, wanted, use) =>
      turns.run(tenant, async () => {
        const { param } = wanted;
        const media = await store.find(tenant, wanted.id);
        if (media?.contentType !== JSON_LINES) {
          throw new SluiceError("not_found", "There is no such file of JSON lines of yours.", { param });
        }
        if (media.bytes > MOST_FILE_BYTES) {
          const message = `A batch's file may have at most ${MOST_FILE_BYTES} bytes.`;
          throw new SluiceError("payload_too_large", message, { param });
        }
        const urls = new Set<BatchPath>();
        for await (const { url } of read(media, wanted)) urls.add(url);
        return use({ urls, lines: () => read(media, wanted) });
      }),
  };
}

/** What the store gives, as long as it goes on. @throws SluiceError `overloaded` when it breaks off or is silent */
async function* inTime(
  stream: ReadableStream<Uint8Array>,
  clock: Pick<Clock, "after">,
): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const late = Promise.withResolvers<never>();
      const cancel = clock.after(SILENT_MS, () => late.reject(new Error("the store is silent")));
      const { done, value } = await Promise.race([reader.read(), late.promise]).finally(cancel);
      if (done || value === undefined) return;
      yield value;
    }
  } catch (cause) {
    const message = "The file cannot be read at the moment. Try again.";
    throw new SluiceError("overloaded", message, { retryAfterMs: 5_000, cause });
  } finally {
    // Not waited for: the store may be the one that hangs.
    reader.cancel().catch(() => {});
  }
}

/** @throws SluiceError that names the line, as people count them */
function requestOf(
  { number, text }: TextLine,
  param: string,
  take: ReturnType<typeof lineReader>,
): BatchRequest {
  const where = `${param}[${number - 1}]`;
  const value = parseLine(text, number, where);
  try {
    return take(value, where);
  } catch (thrown) {
    if (!(thrown instanceof SluiceError)) throw thrown;
    throw new SluiceError(thrown.code, `Line ${number}: ${thrown.message}`, thrown.detail);
  }
}
