import { type Cancel, sleep } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import type {
  IntentOwner,
  IntentRecord,
  ProgressRecord,
  SpoolRecord,
  UsageEntry,
  UsageOwner,
  UsageRecord,
} from "../records.ts";
import { entryOf } from "../usage-entry.ts";
import type { Position } from "./position.ts";
import type { SpoolBatch } from "./read-segments.ts";
import type { OpenIntent } from "./replay.ts";
import { SegmentLog, type SegmentLogOptions } from "./segment-log.ts";

export interface SpoolOptions extends SegmentLogOptions {
  /** Bytes after which no further INTENT is taken. */
  readonly capBytes: number;
}

/** Records that are written together, whose they are, and the one promise of all who wait for that. */
class Group<Kind extends SpoolRecord, Owner> {
  readonly records: Kind[] = [];
  readonly owners: Owner[] = [];
  readonly written = Promise.withResolvers<void>();
}

/** Progress notes wait this long for something else to be written with. */
const PROGRESS_DELAY_MS = 100;

/**
 * While several wait for each sync, the next one waits this long for more to join: a sync costs the same for one
 * record as for twenty.
 */
const GATHER_MS = 1;

/** Requests running at once at most: three times as many as there may be streams. */
const OPEN_REQUESTS = 100_000;

/** After a failed write the disk is tried again this often. */
const RETRY_MS = 1_000;

/**
 * The node's append-only account of what it admitted and what was used. INTENT is in the kernel's hands when
 * `intent` returns, so a killed process leaves it behind; USAGE is on the disk when `usage` resolves, written
 * and synced together with all that waited at the same time (group commit).
 */
export class Spool {
  readonly #records: SegmentLog;
  readonly #progress: ProgressRecord[] = [];
  #progressDue: Cancel | undefined;
  #waiting: Group<UsageEntry, UsageOwner> | undefined;
  #admitted: Group<IntentRecord, IntentOwner> | undefined;
  #flushing: Promise<void> | undefined;
  #isClosed = false;
  /** Told whenever there is something new for the ledger on the disk. */
  onUsage: (() => void) | undefined;
  readonly #onTurn = () => this.#writeAdmitted();

  private constructor(
    readonly options: SpoolOptions,
    records: SegmentLog,
  ) {
    this.#records = records;
  }

  /** Opens the spool, cutting off a torn end. `open` holds the requests without USAGE, as a crash left them. */
  static open(options: SpoolOptions): { readonly spool: Spool; readonly open: readonly OpenIntent[] } {
    const { log, open } = SegmentLog.open(options);
    return { spool: new Spool(options, log), open };
  }

  /** Where the next record goes. */
  get end(): Position {
    return this.#records.end;
  }

  get depth(): { readonly bytes: number; readonly openIntents: number; readonly segments: number } {
    const { bytes, intents, segments } = this.#records;
    return { bytes, openIntents: intents.count, segments };
  }

  /** False while the disk refuses: nothing billable may be taken. */
  get isHealthy(): boolean {
    return this.#records.failedAt === undefined;
  }

  get isFull(): boolean {
    return this.#records.bytes >= this.options.capBytes;
  }

  /**
   * Notes that a request was admitted. In the kernel's hands when it resolves: all that are admitted in one turn
   * of the event loop are written together.
   * @param owner told before whoever waits
   * @throws SluiceError `overloaded` (or rejects with it) when the spool is full or its disk fails; where it throws, the
   * owner is not told
   */
  intent(record: IntentRecord, owner?: IntentOwner): Promise<void> {
    const { clock } = this.options;
    const { failedAt, intents } = this.#records;
    const admitted = this.#admitted?.records.length ?? 0;
    if (this.#isClosed || this.isFull || intents.count + admitted >= OPEN_REQUESTS) {
      throw refusal("The gateway cannot book further requests at the moment.");
    }
    if (failedAt !== undefined && clock.monotonic() - failedAt < RETRY_MS) throw refusal(DISK_REFUSES);
    this.#admitted ??= this.#newlyAdmitted();
    this.#admitted.records.push(record);
    if (owner !== undefined) this.#admitted.owners.push(owner);
    return this.#admitted.written.promise;
  }

  #newlyAdmitted(): Group<IntentRecord, IntentOwner> {
    this.options.clock.soon(this.#onTurn);
    return new Group();
  }

  /** Notes how far a running stream came; written soon, never waited for. */
  progress(record: ProgressRecord): void {
    if (this.#isClosed) return;
    this.#progress.push(record);
    this.#progressDue ??= this.#writeProgressLater();
  }

  #writeProgressLater(): Cancel {
    return this.options.clock.after(PROGRESS_DELAY_MS, () => {
      try {
        this.#records.append(this.#takeProgress());
      } catch (cause) {
        this.options.log.error("progress could not be written to the spool", { cause: String(cause) });
      }
    });
  }

  /**
   * Resolves when the record is on disk. Rejects with what the disk said: the record is then not there, and its request
   * still open.
   * @param owner told before whoever waits
   */
  usage(record: UsageRecord, owner?: UsageOwner): Promise<void> {
    if (this.#isClosed) {
      owner?.usageRefused();
      return Promise.reject(new Error("the spool is closed"));
    }
    this.#waiting ??= new Group();
    const { records, owners, written } = this.#waiting;
    records.push(entryOf(record));
    if (owner !== undefined) owners.push(owner);
    this.#records.intents.ends(record.id);
    this.#flushing ??= this.#flush();
    return written.promise;
  }

  /**
   * Up to `most` records from a position on; the answer's `next` is where to go on.
   * @throws what the disk said
   */
  read(from: Position, most: number): SpoolBatch {
    return this.#records.read(from, most);
  }

  /** Deletes what lies before the position, in whole segments. What it says about running requests is kept. */
  release(upTo: Position): void {
    this.#records.release(upTo);
  }

  /** Writes what waits and closes. Further records are refused. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#writeAdmitted();
    await this.#flushing;
    try {
      this.#records.append(this.#takeProgress());
    } finally {
      this.#records.close();
    }
  }

  /** Writes and syncs all that waits, again and again until nothing does. */
  async #flush(): Promise<void> {
    // Those who settle in the same turn of the event loop go together.
    await Promise.resolve();
    let together = 1;
    while (this.#waiting !== undefined) {
      if (together > 1 && !this.#isClosed) await sleep(this.options.clock, GATHER_MS);
      const group = this.#waiting;
      together = group.records.length;
      this.#waiting = undefined;
      try {
        await this.#records.appendSynced(this.#withProgress(group.records));
      } catch (cause) {
        this.#refuse(group, cause);
        continue;
      }
      this.#acknowledge(group);
    }
    this.#flushing = undefined;
  }

  #acknowledge({ records, owners, written }: Group<UsageEntry, UsageOwner>): void {
    for (const { id } of records) this.#records.intents.close(id);
    this.#tell(owners, usageWritten);
    written.resolve();
    this.onUsage?.();
  }

  #refuse({ records, owners, written }: Group<UsageEntry, UsageOwner>, cause: unknown): void {
    this.options.log.error("the spool could not be written", { cause: String(cause) });
    for (const { id } of records) this.#records.intents.goesOn(id);
    this.#tell(owners, usageRefused);
    written.reject(cause);
  }

  #writeAdmitted(): void {
    const group = this.#admitted;
    if (group === undefined) return;
    this.#admitted = undefined;
    try {
      this.#records.append(this.#withProgress(group.records));
    } catch (cause) {
      this.#tell(group.owners, intentRefused);
      group.written.reject(refusal(DISK_REFUSES, cause));
      return;
    }
    this.#tell(group.owners, intentWritten);
    group.written.resolve();
  }

  /** Each by itself: one that fails keeps neither the others nor the spool from going on. */
  #tell<Owner>(owners: readonly Owner[], tell: (owner: Owner) => void): void {
    for (const owner of owners) {
      try {
        tell(owner);
      } catch (thrown) {
        this.options.log.error("a request could not be told what the spool did", { cause: String(thrown) });
      }
    }
  }

  #withProgress(records: readonly SpoolRecord[]): readonly SpoolRecord[] {
    return this.#progress.length === 0 ? records : [...this.#takeProgress(), ...records];
  }

  #takeProgress(): ProgressRecord[] {
    this.#progressDue?.();
    this.#progressDue = undefined;
    return this.#progress.splice(0);
  }
}

const intentWritten = (owner: IntentOwner) => owner.intentWritten();
const intentRefused = (owner: IntentOwner) => owner.intentRefused();
const usageWritten = (owner: UsageOwner) => owner.usageWritten();
const usageRefused = (owner: UsageOwner) => owner.usageRefused();

const DISK_REFUSES = "The gateway's disk does not take records at the moment.";

function refusal(message: string, cause?: unknown): SluiceError {
  return new SluiceError("overloaded", message, {
    retryAfterMs: RETRY_MS,
    ...(cause === undefined ? {} : { cause }),
  });
}
