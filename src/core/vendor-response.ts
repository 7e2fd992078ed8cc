import { NOT_YET, type NotYet, nextOf, type Pollable } from "./poll.ts";

/**
 * A vendor's answer as it is read: its head is there, its body comes. Read by one reader, once: polled for the next
 * bytes, null after the end. `poll` throws when the body does not come whole or the call was aborted.
 */
export interface VendorResponse extends Pollable<Uint8Array | null> {
  readonly status: number;
  /** A status of the 200s. */
  readonly ok: boolean;
  readonly headers: Headers;
  /**
   * The whole body, at once where it is there; undefined when it is longer than `limit` bytes, the rest is then given up.
   * Throws or rejects as `poll` throws.
   */
  bytes(limit: number): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** Gives the rest of the body up. */
  cancel(): void;
}

/** The web's own `Response`, read as a vendor's answer. */
export function vendorResponseOf(response: Response): VendorResponse {
  return new WebResponse(response);
}

/** Bodies that say they are this small are read in one go, without counting. */
const SMALL_BODY_BYTES = 4 * 1024 * 1024;

/** The part of a stream's reader that is used. */
interface BodyReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

class WebResponse implements VendorResponse {
  #reader: BodyReader | undefined;
  /** What a read has found that nobody has taken yet: bytes, the end, or why there are none. */
  #found: { readonly bytes: Uint8Array | null } | { readonly thrown: unknown } | undefined;
  #isReading = false;
  #waiting: (() => void) | undefined;

  constructor(readonly response: Response) {}

  get status(): number {
    return this.response.status;
  }

  get ok(): boolean {
    return this.response.ok;
  }

  get headers(): Headers {
    return this.response.headers;
  }

  poll(): Uint8Array | null | NotYet {
    const found = this.#found;
    if (found === undefined) {
      const reader = this.#open();
      if (reader === undefined) return null;
      if (!this.#isReading) void this.#read(reader);
      return NOT_YET;
    }
    if ("thrown" in found) throw found.thrown;
    // The end stays.
    if (found.bytes !== null) this.#found = undefined;
    return found.bytes;
  }

  whenReady(run: () => void): void {
    this.#waiting = run;
  }

  async #read(reader: BodyReader): Promise<void> {
    this.#isReading = true;
    try {
      const { done, value } = await reader.read();
      this.#found = { bytes: done || value === undefined ? null : value };
    } catch (thrown) {
      this.#found = { thrown };
    }
    this.#isReading = false;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }

  async bytes(limit: number): Promise<Uint8Array | undefined> {
    if (limit >= SMALL_BODY_BYTES && this.#isSmall()) return this.response.bytes();
    const sink = new Bun.ArrayBufferSink();
    sink.start({ asUint8Array: true });
    let length = 0;
    for (;;) {
      const chunk = await nextOf(this);
      if (chunk === null) return sink.end() as Uint8Array; // asked for above
      length += chunk.byteLength;
      if (length > limit) {
        this.cancel();
        return undefined;
      }
      sink.write(chunk);
    }
  }

  cancel(): void {
    this.#open()?.cancel().catch(ignoreAborted);
  }

  #open(): BodyReader | undefined {
    this.#reader ??= this.response.body?.getReader();
    return this.#reader;
  }

  /** Says that it is small, and means the bytes as they are: a compressed length tells nothing. */
  #isSmall(): boolean {
    const { headers } = this.response;
    return (
      Number(headers.get("content-length") ?? Number.NaN) <= SMALL_BODY_BYTES &&
      !headers.has("content-encoding")
    );
  }
}

/** A cancelled body rejects its pending read; that is what was asked for. */
function ignoreAborted(_thrown: unknown): void {}
