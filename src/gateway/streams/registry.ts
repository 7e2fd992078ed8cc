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
import { nextOf } from "../../core/poll.ts";
import type { Caller, StreamGeneration } from "../gateway.ts";
import type { CopyStart } from "./copy/writer.ts";
import type { StreamAbout, ToldAs } from "./entry.ts";
import { type JournalHooks, type JournalOptions, StreamJournal } from "./journal.ts";
import type { CopySource, JournalCopy } from "./journal-copy.ts";
import type { LiveStream, LiveStreams, OpenOptions } from "./live-stream.ts";

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

/** What joins the streams of this node with those of others. */
export interface StreamCluster {
  /** Where the entries of a stream are copied to. */
  copyOf(start: CopyStart): (source: CopySource) => JournalCopy;
  /** A stream that is not here. */
  find(id: StreamId, tenant: TenantId): Promise<LiveStream | undefined>;
}

/** The streams of this node, running and lately ended; where it is joined with others, those of all nodes. */
export class StreamRegistry implements LiveStreams {
  readonly #clock: Clock;
  readonly #journals = new Map<StreamId, StreamJournal>();
  readonly #running = new Map<StreamJournal, Running>();
  /** When each ended (monotonic), the earliest first. */
  readonly #kept = new Map<StreamJournal, number>();
  readonly #hooks: JournalHooks;
  #keptBytes = 0;
  #cluster: StreamCluster | undefined;
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
      soon: (run) => clock.soon(run),
      moved: (journal) => {
        this.#running.delete(journal);
        this.#journals.delete(journal.about.streamId);
      },
    };
  }

  /** From here on streams are copied, and those of other nodes are found. */
  join(cluster: StreamCluster): void {
    this.#cluster = cluster;
  }

  /** The node is stopping. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  get running(): number {
    return this.#running.size;
  }

  get isFull(): boolean {
    return this.#isClosing || this.#running.size >= RUNNING_STREAMS;
  }

  stats(): StreamStats {
    return { running: this.#running.size, kept: this.#kept.size, keptBytes: this.#keptBytes };
  }

  /** @throws SluiceError `overloaded` when full; the generation is cancelled then and settles by itself */
  open(
    caller: Caller,
    generation: StreamGeneration,
    request: GenerationRequest,
    options: OpenOptions = NO_WISHES,
  ): StreamJournal {
    if (this.isFull) {
      generation.cancel();
      void drainUnread(generation);
      throw new SluiceError("overloaded", "This node runs as many streams as it can.");
    }
    const { detachMs = STREAM_DETACH_MS, told } = options;
    const about = this.#aboutOf(caller.tenant, generation, request, told);
    if (this.#cluster === undefined) return this.#start(generation, about, detachMs);
    const { detachMs: _, told: __, ...wishes } = options;
    const head = { about, detachMs, origin: { caller, request, ...wishes } };
    const copy = this.#cluster.copyOf({ streamId: about.streamId, head, number: 0 });
    return this.#start(generation, about, detachMs, { copy });
  }

  /** Goes on with a stream that another node began; `options` say what there is of it. */
  adopt(
    generation: Promise<StreamGeneration>,
    about: StreamAbout,
    detachMs: number,
    options: JournalOptions,
  ): StreamJournal {
    return this.#start(generation, about, detachMs, options);
  }

  get(id: StreamId, tenant: TenantId): LiveStream | undefined | Promise<LiveStream | undefined> {
    const journal = this.#journals.get(id);
    if (journal === undefined) return this.#cluster?.find(id, tenant);
    return journal.about.tenant === tenant ? journal : undefined;
  }

  /** Only what is here. */
  ownJournal(id: StreamId): StreamJournal | undefined {
    return this.#journals.get(id);
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

  /**
   * Leaves the running streams to other nodes: their readers are told to come back, and whoever is asked first goes on.
   * Takes no new ones from here on. Answers how many were left.
   */
  async handOverAll(): Promise<number> {
    this.#isClosing = true;
    const left = await Promise.all([...this.#running.keys()].map((journal) => journal.handOver()));
    return left.filter(Boolean).length;
  }

  async #allEnded(deadlineMs: number): Promise<void> {
    if (this.#running.size === 0) return;
    const late = Promise.withResolvers<void>();
    const cancelDeadline = this.#clock.after(deadlineMs, late.resolve);
    const ended = Promise.all([...this.#running.keys()].map((journal) => journal.ended));
    await Promise.race([ended, late.promise]);
    cancelDeadline();
  }

  #start(
    generation: StreamGeneration | Promise<StreamGeneration>,
    about: StreamAbout,
    detachMs: number,
    options?: JournalOptions,
  ): StreamJournal {
    const journal = new StreamJournal(generation, about, this.#hooks, options);
    this.#journals.set(about.streamId, journal);
    // Nobody reads yet: whoever opened it attaches at once, or it was opened for nobody.
    this.#running.set(journal, { detachMs, detachedAt: this.#clock.monotonic() });
    this.#stopSweeping ??= this.#sweepFromNowOn();
    return journal;
  }

  #sweepFromNowOn(): Cancel {
    return this.#clock.every(SWEEP_MS, () => this.#sweep());
  }

  #aboutOf(
    tenant: TenantId,
    generation: StreamGeneration,
    { operation, includeUsage }: GenerationRequest,
    told: ToldAs | undefined,
  ): StreamAbout {
    const { requestId, vendor, vendorModel, attempts } = generation.started;
    const about = {
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
    return told === undefined ? about : { ...about, told };
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

const NO_WISHES: OpenOptions = {};

/** A generation settles only as far as it is read. */
async function drainUnread(generation: StreamGeneration): Promise<void> {
  while ((await nextOf(generation)) !== null);
}
