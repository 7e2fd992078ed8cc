import { type Cancel, sleep } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import type { IntentRecord, ProgressRecord, SpoolRecord, UsageRecord } from "../records.ts";
import type { Position } from "./position.ts";
import type { SpoolBatch } from "./read-segments.ts";
import type { OpenIntent } from "./replay.ts";
import { SegmentLog, type SegmentLogOptions } from "./segment-log.ts";

export interface SpoolOptions extends SegmentLogOptions {
  /** Bytes after which no further INTENT is taken. */
  readonly capBytes: number;
}

interface Waiting<Kind extends SpoolRecord> {
  readonly record: Kind;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
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
  #waiting: Waiting<UsageRecord>[] = [];
  #admitted: Waiting<IntentRecord>[] = [];
  #flushing: Promise<void> | undefined;
  #isClosed = false;

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
   * @throws SluiceError `overloaded` (or rejects with it) when the spool is full or its disk fails
   */
  intent(record: IntentRecord): Promise<void> {
    const { clock } = this.options;
    const { failedAt, intents } = this.#records;
    if (this.#isClosed || this.isFull || intents.count + this.#admitted.length >= OPEN_REQUESTS) {
      throw refusal("The gateway cannot book further requests at the moment.");
    }
    if (failedAt !== undefined && clock.monotonic() - failedAt < RETRY_MS) throw refusal(DISK_REFUSES);
    return new Promise((resolve, reject) => {
      if (this.#admitted.length === 0) clock.soon(() => this.#writeAdmitted());
      this.#admitted.push({ record, resolve, reject });
    });
  }

  /** Notes how far a running stream came; written soon, never waited for. */
  progress(record: ProgressRecord): void {
    if (this.#isClosed) return;
    this.#progress.push(record);
    this.#progressDue ??= this.options.clock.after(PROGRESS_DELAY_MS, () => {
      try {
        this.#records.append(this.#takeProgress());
      } catch (cause) {
        this.options.log.error("progress could not be written to the spool", { cause: String(cause) });
      }
    });
  }

  /** Resolves when the record is on disk. Rejects with what the disk said: the record is then not there, and its request still open. */
  usage(record: UsageRecord): Promise<void> {
    if (this.#isClosed) return Promise.reject(new Error("the spool is closed"));
    this.#records.intents.ends(record.id);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, resolve, reject });
      this.#flushing ??= this.#flush();
    });
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
    while (this.#waiting.length > 0) {
      if (together > 1 && !this.#isClosed) await sleep(this.options.clock, GATHER_MS);
      const group = this.#waiting;
      together = group.length;
      this.#waiting = [];
      await this.#writeGroup(group);
    }
    this.#flushing = undefined;
  }

  async #writeGroup(group: readonly Waiting<UsageRecord>[]): Promise<void> {
    const { intents } = this.#records;
    try {
      await this.#records.appendSynced([...this.#takeProgress(), ...group.map(({ record }) => record)]);
      for (const { record, resolve } of group) {
        intents.close(record.id);
        resolve();
      }
    } catch (cause) {
      this.options.log.error("the spool could not be written", { cause: String(cause) });
      for (const { record, reject } of group) {
        intents.goesOn(record.id);
        reject(cause);
      }
    }
  }

  #writeAdmitted(): void {
    const group = this.#admitted;
    if (group.length === 0) return;
    this.#admitted = [];
    try {
      this.#records.append([...this.#takeProgress(), ...group.map(({ record }) => record)]);
    } catch (cause) {
      for (const { reject } of group) reject(refusal(DISK_REFUSES, cause));
      return;
    }
    for (const { resolve } of group) resolve();
  }

  #takeProgress(): ProgressRecord[] {
    this.#progressDue?.();
    this.#progressDue = undefined;
    return this.#progress.splice(0);
  }
}

const DISK_REFUSES = "The gateway's disk does not take records at the moment.";

function refusal(message: string, cause?: unknown): SluiceError {
  return new SluiceError("overloaded", message, {
    retryAfterMs: RETRY_MS,
    ...(cause === undefined ? {} : { cause }),
  });
}
