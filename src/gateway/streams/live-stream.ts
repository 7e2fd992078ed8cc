import type { GenerationRequest } from "../../core/generation.ts";
import type { StreamId, TenantId } from "../../core/ids.ts";
import type { TakeoverPolicy } from "../../core/takeover-policy.ts";
import type { Caller, StreamGeneration } from "../gateway.ts";
import type { StreamAbout, StreamEntry, ToldAs } from "./entry.ts";

/**
 * A stream as its readers see it, wherever it runs. Kept this narrow so that a stream of another node can
 * stand behind the same interface.
 */
export interface LiveStream {
  readonly about: StreamAbout;
  /**
   * A reader whose first entry is `after + 1`; the end is delivered to each reader, also to one that had it.
   * @throws SluiceError `not_found` with status 410 when those entries are no longer kept, `invalid_request`
   * when the stream has not come that far
   */
  attach(after: number): StreamCursor | Promise<StreamCursor>;
  /** Stops the generation, the vendor too. What found no room in the ring by then is dropped. False: it had ended. */
  cancel(): boolean | Promise<boolean>;
}

/** One reader's place in a stream. */
export interface StreamCursor {
  /**
   * The next entry as soon as there is one; null after the end, after `moved` (the stream goes on elsewhere) or after
   * `close`. One call at a time. What is there already is answered at once, without a promise.
   */
  next(): StreamEntry | null | Promise<StreamEntry | null>;
  /** Bytes that could be read at once. */
  readonly backlog: number;
  /** Leaves. The last reader's leaving starts the detach time. */
  close(): void;
}

/** Where streams are opened and found again. */
export interface LiveStreams {
  /** True: nothing may be opened now. To be asked before a generation is begun. */
  readonly isFull: boolean;
  /** Takes over a generation begun in `events` mode; from here on it runs and settles by itself. */
  open(
    caller: Caller,
    generation: StreamGeneration,
    request: GenerationRequest,
    options?: OpenOptions,
  ): LiveStream;
  /** Another tenant's stream is not found. */
  get(id: StreamId, tenant: TenantId): LiveStream | undefined | Promise<LiveStream | undefined>;
}

export interface OpenOptions {
  /** How long it goes on without a reader; 0 cancels at once. */
  readonly detachMs?: number;
  /** As the client called it. */
  readonly path?: string;
  /** Whether anybody goes on with the answer. */
  readonly takeover?: TakeoverPolicy;
  readonly told?: ToldAs;
}
