import type { Operation } from "../../core/catalog.ts";
import type { Cancel, Clock } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import type { GenerationRequest } from "../../core/generation.ts";
import type { StreamId, TenantId } from "../../core/ids.ts";
import {
  KEPT_STREAM_BYTES,
  KEPT_STREAMS,
  RUNNING_STREAMS,
  STREAM_DETACH_MS,
  STREAM_KEPT_MS,
} from "../../core/limits.ts";
import type { StreamGeneration } from "../gateway.ts";
import type { StreamAbout } from "./entry.ts";
import { type JournalHooks, StreamJournal } from "./journal.ts";
import type { LiveStreams } from "./live-stream.ts";

/** How often detached and ended streams are looked through: the precision of both times. */
const SWEEP_MS = 1_000;
/** How long a cancelled generation may take to settle while the node stops: one fsync and some. */
const SETTLE_MS = 5_000;

interface Running {
  readonly detachMs: number;
  /** Monotonic; undefined while somebody reads. */
  detachedAt: number | undefined;
}

export interface StreamStats {
  readonly running: number;
  /** Ended, and still readable. */
  readonly kept: number;
  /** Memory of the kept ones. */
  readonly keptBytes: number;
}

/** The streams of this node, running and lately ended. */
export class StreamRegistry implements LiveStreams {
  readonly #clock: Clock;
  readonly #journals = new Map<StreamId, StreamJournal>();
  readonly #running = new Map<StreamJournal, Running>();
  /** When each ended (monotonic), the earliest first. */
  readonly #kept = new Map<StreamJournal, number>();
  readonly #hooks: JournalHooks;
  #keptBytes = 0;
  #stopSweeping: Cancel | undefined;
  #isClosing = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#hooks = {
      attached: (journal) => {
        const running = this.#running.get(journal);
        if (running !== undefined) running.detachedAt = undefined;
      },
      detached: (journal) => this.#detach(journal),
      ended: (journal) => this.#keep(journal),
    };
  }

  get isFull(): boolean {
    return this.#isClosing || this.#running.size >= RUNNING_STREAMS;
  }

  stats(): StreamStats {
    return { running: this.#running.size, kept: this.#kept.size, keptBytes: this.#keptBytes };
  }

  /** @throws SluiceError `overloaded` when full; the generation is cancelled then and settles by itself */
  open(
    tenant: TenantId,
    generation: StreamGeneration,
    request: Pick<GenerationRequest, "operation" | "includeUsage">,
    detachMs: number = STREAM_DETACH_MS,
  ): StreamJournal {
    if (this.isFull) {
      generation.cancel();
      void drainUnread(generation);
      throw new SluiceError("overloaded", "This node runs as many streams as it can.");
    }
    const { operation, includeUsage } = request;
    const about = this.#aboutOf(tenant, generation, operation, includeUsage);
    const journal = new StreamJournal(generation, about, this.#hooks);
    this.#journals.set(generation.streamId, journal);
    // Nobody reads yet: whoever opened it attaches at once, or it was opened for nobody.
    this.#running.set(journal, { detachMs, detachedAt: this.#clock.monotonic() });
    this.#stopSweeping ??= this.#clock.every(SWEEP_MS, () => this.#sweep());
    return journal;
  }

  get(id: StreamId, tenant: TenantId): StreamJournal | undefined {
    const journal = this.#journals.get(id);
    return journal?.about.tenant === tenant ? journal : undefined;
  }

  /**
   * Ends all streams for a node that stops: takes no new ones, waits until the running ones have ended, but
   * at most `deadlineMs`, then cancels the rest and waits until they are settled.
   * @returns how many had to be cancelled
   */
  async closeAll(deadlineMs: number): Promise<number> {
    this.#isClosing = true;
    await this.#allEnded(deadlineMs);
    const late = [...this.#running.keys()];
    for (const journal of late) journal.cancel();
    await this.#allEnded(SETTLE_MS);
    this.#stopSweeping?.();
    return late.length;
  }

  async #allEnded(deadlineMs: number): Promise<void> {
    if (this.#running.size === 0) return;
    const late = Promise.withResolvers<void>();
    const cancelDeadline = this.#clock.after(deadlineMs, late.resolve);
    const ended = Promise.all([...this.#running.keys()].map((journal) => journal.ended));
    await Promise.race([ended, late.promise]);
    cancelDeadline();
  }

  #aboutOf(
    tenant: TenantId,
    generation: StreamGeneration,
    operation: Operation,
    includeUsage: boolean,
  ): StreamAbout {
    const { requestId, vendor, vendorModel, attempts } = generation.started;
    return {
      streamId: generation.streamId,
      requestId,
      tenant,
      operation,
      vendor,
      vendorModel,
      attempts,
      created: Math.floor(this.#clock.now() / 1_000),
      includeUsage,
    };
  }

  #detach(journal: StreamJournal): void {
    const running = this.#running.get(journal);
    if (running === undefined) return;
    if (running.detachMs === 0) journal.cancel();
    else running.detachedAt = this.#clock.monotonic();
  }

  #keep(journal: StreamJournal): void {
    this.#running.delete(journal);
    this.#kept.set(journal, this.#clock.monotonic());
    this.#keptBytes += journal.size;
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT_STREAMS && this.#keptBytes <= KEPT_STREAM_BYTES) break;
      this.#forget(oldest);
    }
  }

  #forget(journal: StreamJournal): void {
    if (!this.#kept.delete(journal)) return;
    this.#keptBytes -= journal.size;
    this.#journals.delete(journal.about.streamId);
  }

  #sweep(): void {
    const now = this.#clock.monotonic();
    for (const [journal, { detachMs, detachedAt }] of this.#running) {
      if (detachedAt !== undefined && now - detachedAt >= detachMs) journal.cancel();
    }
    for (const [journal, endedAt] of this.#kept) {
      if (now - endedAt < STREAM_KEPT_MS) break;
      this.#forget(journal);
    }
    if (this.#running.size > 0 || this.#kept.size > 0) return;
    this.#stopSweeping?.();
    this.#stopSweeping = undefined;
  }
}

/** A generation settles only as far as it is read. */
async function drainUnread(generation: StreamGeneration): Promise<void> {
  while ((await generation.next()) !== null);
}
