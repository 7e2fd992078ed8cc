import { type Cancel, type Clock, sleep } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { IntentRecord, ProgressRecord, SpoolRecord, UsageRecord } from "../records.ts";
import type { Files } from "./files.ts";
import { encodeFrame } from "./frame.ts";
import { OpenIntents } from "./open-intents.ts";
import { type Position, START } from "./position.ts";
import { readSegments, type SpoolBatch } from "./read-segments.ts";
import { createReplay, type OpenIntent } from "./replay.ts";
import { isBlank, listSegments, openSegment, type Segment, walk } from "./segment.ts";
import { Tail } from "./tail.ts";

export interface SpoolOptions {
  /** This node's own directory; nobody else writes there. */
  readonly directory: string;
  readonly files: Files;
  readonly clock: Clock;
  readonly log: Log;
  /** What the ledger has applied: numbering goes on after it even if the disk was lost. */
  readonly floor: Position;
  /** Bytes after which no further INTENT is taken. */
  readonly capBytes: number;
  /** Bytes after which a new segment begins. */
  readonly segmentBytes: number;
}

interface Waiting<Kind extends SpoolRecord> {
  readonly record: Kind;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

interface Unsynced {
  readonly start: Position;
  /** Written since. */
  readonly later: SpoolRecord[];
}

/** Progress notes wait this long for something else to be written with. */
const PROGRESS_DELAY_MS = 100;

/**
 * While several wait for each sync, the next one waits this long for more to join: a sync costs the same for one
 * record as for twenty.
 */
const GATHER_MS = 1;

/** After a failed write the disk is tried again this often. */
const RETRY_MS = 1_000;

/**
 * The node's append-only account of what it admitted and what was used. INTENT is in the kernel's hands when
 * `intent` returns, so a killed process leaves it behind; USAGE is on the disk when `usage` resolves, written
 * and synced together with all that waited at the same time (group commit).
 */
export class Spool {
  readonly #segments: Segment[] = [];
  readonly #intents = new OpenIntents();
  readonly #progress: ProgressRecord[] = [];
  #progressDue: Cancel | undefined;
  #waiting: Waiting<UsageRecord>[] = [];
  #admitted: Waiting<IntentRecord>[] = [];
  readonly #tail = new Tail();
  /** What is written and not yet synced: the reader stops before it. */
  #unsynced: Unsynced | undefined;
  /** Cut off together with a group that could not be synced: written again before anything else. */
  #owed: readonly SpoolRecord[] = [];
  /** The newest segment's last sync failed: nothing more is written there. */
  #isSuspect = false;
  #bytes = 0;
  #flushing: Promise<void> | undefined;
  #sequence: bigint;
  #failedAt: number | undefined;
  /** The last sync failed: that a write succeeds proves nothing. */
  #isSyncBroken = false;
  #isClosed = false;

  private constructor(
    readonly options: SpoolOptions,
    sequence: bigint,
  ) {
    this.#sequence = sequence;
  }

  /**
   * Opens the spool, cutting off a torn end, and tells every record that is there in order. `found.open` holds
   * the requests without USAGE, as a crash left them.
   */
  static open(options: SpoolOptions): { readonly spool: Spool; readonly open: readonly OpenIntent[] } {
    const { files, directory, floor } = options;
    files.makeDirectory(directory);
    const spool = new Spool(options, START.sequence);
    const open = spool.#readAll(listSegments(files, directory));
    if (spool.#sequence < floor.sequence) {
      if (spool.#segments.length > 0 || floor.sequence > START.sequence) {
        options.log.warn("the spool ends before what the ledger has applied; its disk was lost or replaced", {
          directory,
        });
      }
      spool.#sequence = floor.sequence;
      spool.#begin(Math.max(floor.segment, spool.#segments.at(-1)?.number ?? 0) + 1);
    }
    if (spool.#segments.length === 0) spool.#begin(floor.segment);
    return { spool, open };
  }

  /** Where the next record goes. */
  get end(): Position {
    const { number, length } = this.#newest();
    return { segment: number, offset: length, sequence: this.#sequence };
  }

  get depth(): { readonly bytes: number; readonly openIntents: number; readonly segments: number } {
    return { bytes: this.#bytes, openIntents: this.#intents.count, segments: this.#segments.length };
  }

  /** False while the disk refuses: nothing billable may be taken. */
  get isHealthy(): boolean {
    return this.#failedAt === undefined;
  }

  get isFull(): boolean {
    return this.#bytes >= this.options.capBytes;
  }

  /**
   * Notes that a request was admitted. In the kernel's hands when it resolves: all that are admitted in one turn
   * of the event loop are written together.
   * @throws SluiceError `overloaded` (or rejects with it) when the spool is full or its disk fails
   */
  intent(record: IntentRecord): Promise<void> {
    if (this.#isClosed || this.isFull) {
      throw refusal("The gateway cannot book further requests at the moment.");
    }
    if (this.#failedAt !== undefined && this.options.clock.monotonic() - this.#failedAt < RETRY_MS) {
      throw refusal(DISK_REFUSES);
    }
    return new Promise((resolve, reject) => {
      if (this.#admitted.length === 0) this.options.clock.soon(() => this.#writeAdmitted());
      this.#admitted.push({ record, resolve, reject });
    });
  }

  /** Notes how far a running stream came; written soon, never waited for. */
  progress(record: ProgressRecord): void {
    if (this.#isClosed) return;
    this.#progress.push(record);
    this.#progressDue ??= this.options.clock.after(PROGRESS_DELAY_MS, () => {
      try {
        this.#append(this.#takeProgress());
      } catch (cause) {
        this.options.log.error("progress could not be written to the spool", { cause: String(cause) });
      }
    });
  }

  /** Resolves when the record is on disk. Rejects with what the disk said: the record is then not there, and its request still open. */
  usage(record: UsageRecord): Promise<void> {
    if (this.#isClosed) return Promise.reject(new Error("the spool is closed"));
    return new Promise((resolve, reject) => {
      const done = () => {
        this.#intents.close(record.id);
        resolve();
      };
      this.#waiting.push({ record, resolve: done, reject });
      this.#flushing ??= this.#flush();
    });
  }

  /** Up to `most` records from a position on; the answer's `next` is where to go on. */
  read(from: Position, most: number): SpoolBatch {
    const bound = this.#unsynced?.start.sequence;
    const safe = bound === undefined ? most : Math.min(most, Number(bound - from.sequence));
    if (safe <= 0) return { usages: [], gaps: [], next: from };
    const recent = this.#tail.read(from, safe);
    return recent === undefined
      ? readSegments(this.options.files, this.#segments, from, safe)
      : { ...recent, gaps: [] };
  }

  /** Deletes whole segments before the position, oldest first, up to the first with a request still running. */
  release(upTo: Position): void {
    this.#tail.release(upTo);
    for (;;) {
      const [oldest, next] = this.#segments;
      if (oldest === undefined || next === undefined) return;
      if (oldest.number >= upTo.segment || oldest.openIntents > 0) return;
      this.#segments.shift();
      this.#bytes -= oldest.length;
      this.options.files.close(oldest.descriptor);
      this.options.files.remove(oldest.path);
    }
  }

  /** Writes what waits and closes. Further records are refused. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#writeAdmitted();
    await this.#flushing;
    try {
      this.#append(this.#takeProgress());
    } finally {
      for (const { descriptor } of this.#segments) this.options.files.close(descriptor);
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
      try {
        await this.#writeSynced(group.map(({ record }) => record));
        for (const { resolve } of group) resolve();
      } catch (cause) {
        this.options.log.error("the spool could not be written", { cause: String(cause) });
        for (const { reject } of group) reject(cause);
      }
    }
    this.#flushing = undefined;
  }

  async #writeSynced(records: readonly SpoolRecord[]): Promise<void> {
    const start = this.end;
    const written = this.#append([...this.#takeProgress(), ...records]);
    const unsynced: Unsynced = { start, later: [] };
    this.#unsynced = unsynced;
    try {
      await this.options.files.sync(this.#newest().descriptor);
      this.#unsynced = undefined;
      this.#failedAt = undefined;
      this.#isSyncBroken = false;
    } catch (cause) {
      this.#unsynced = undefined;
      this.#distrust(start, [...written, ...unsynced.later]);
      throw cause;
    }
  }

  #writeAdmitted(): void {
    const group = this.#admitted;
    if (group.length === 0) return;
    this.#admitted = [];
    try {
      this.#append([...this.#takeProgress(), ...group.map(({ record }) => record)]);
    } catch (cause) {
      for (const { reject } of group) reject(refusal(DISK_REFUSES, cause));
      return;
    }
    for (const { resolve } of group) resolve();
  }

  /**
   * A sync that failed once may succeed the next time without having written anything, so what was in it is cut
   * off, and a new segment begins. What was admitted meanwhile is cut off too and written again.
   */
  #distrust(start: Position, lost: readonly SpoolRecord[]): void {
    const suspects = this.#segments.filter(({ number }) => number >= start.segment);
    const cuts = suspects.map((segment) =>
      this.#cut(segment, segment.number === start.segment ? start.offset : 0),
    );
    // Numbers that nobody has seen are given again; one that may still stand in a file is not.
    if (cuts.every((isCut) => isCut)) this.#sequence = start.sequence;
    this.#isSuspect = true;
    this.#owed = lost.filter(({ kind }) => kind !== "usage");
    try {
      this.#append([]);
    } catch (cause) {
      this.options.log.error("no new segment of the spool could be begun", { cause: String(cause) });
    }
    this.#failedAt = this.options.clock.monotonic();
    this.#isSyncBroken = true;
  }

  /** Numbers and writes records, those that are owed first; those that could not be written were never numbered. */
  #append(wanted: readonly SpoolRecord[]): readonly SpoolRecord[] {
    const records = this.#owed.length === 0 ? wanted : [...this.#owed, ...wanted];
    if (records.length === 0) return records;
    let segment = this.#newest();
    const frames = records.map((record, index) => encodeFrame(record, this.#sequence + BigInt(index)));
    const [first] = frames;
    const bytes = frames.length === 1 && first !== undefined ? first : Buffer.concat(frames);
    try {
      if (this.#isSuspect || segment.length >= this.options.segmentBytes) {
        segment = this.#begin(segment.number + 1);
        this.#isSuspect = false;
      }
      this.options.files.write(segment.descriptor, bytes, segment.length);
    } catch (cause) {
      this.#failedAt = this.options.clock.monotonic();
      this.#cut(segment, segment.length);
      throw cause;
    }
    const lengths = frames.map((frame) => frame.length);
    this.#tail.add(records, lengths, this.end);
    segment.length += bytes.length;
    this.#bytes += bytes.length;
    this.#sequence += BigInt(records.length);
    this.#owed = [];
    this.#unsynced?.later.push(...records);
    for (const record of records) if (record.kind === "intent") this.#intents.open(record.id, segment);
    if (!this.#isSyncBroken) this.#failedAt = undefined;
    return records;
  }

  /** False when the bytes may still be there. */
  #cut(segment: Segment, length: number): boolean {
    try {
      this.options.files.truncate(segment.descriptor, length);
      this.#bytes -= segment.length - length;
      segment.length = length;
      // What was cut off must not be read from memory either.
      this.#tail.clear();
      return true;
    } catch (cause) {
      this.options.log.error("the spool's segment could not be cut", {
        cause: String(cause),
        segment: segment.path,
      });
      return false;
    }
  }

  #takeProgress(): ProgressRecord[] {
    this.#progressDue?.();
    this.#progressDue = undefined;
    return this.#progress.splice(0);
  }

  #begin(number: number): Segment {
    const { files, directory } = this.options;
    const segment = openSegment(files, directory, number);
    try {
      files.syncDirectory(directory);
    } catch (cause) {
      files.close(segment.descriptor);
      throw cause;
    }
    this.#segments.push(segment);
    return segment;
  }

  #newest(): Segment {
    const segment = this.#segments.at(-1);
    if (segment === undefined) throw new Error("the spool has no segment");
    return segment;
  }

  #readAll(numbers: readonly number[]): readonly OpenIntent[] {
    const { files, directory, log } = this.options;
    const replay = createReplay();
    for (const number of numbers) {
      const segment = openSegment(files, directory, number);
      this.#segments.push(segment);
      this.#bytes += segment.length;
      const { damage } = walk(files, segment, 0, Number.POSITIVE_INFINITY, (frame) => {
        this.#sequence = frame.sequence + 1n;
        const record = frame.decode();
        replay.add(record);
        if (record.kind === "intent") this.#intents.open(record.id, segment);
        else if (record.kind === "usage") this.#intents.close(record.id);
      });
      if (damage === undefined) continue;
      const isLast = number === numbers.at(-1);
      if (isLast && (damage.kind === "incomplete" || isBlank(files, segment, damage.offset))) {
        this.#cut(segment, damage.offset);
        continue;
      }
      log.error("a spool segment is damaged; what follows the damage is lost and shows as a gap", {
        segment: segment.path,
        offset: damage.offset,
      });
      if (!isLast) continue;
      // The damaged bytes stay for whoever looks into it. The number left out makes the loss visible.
      this.#sequence += 1n;
      this.#begin(number + 1);
    }
    return replay.open;
  }
}

const DISK_REFUSES = "The gateway's disk does not take records at the moment.";

function refusal(message: string, cause?: unknown): SluiceError {
  return new SluiceError("overloaded", message, {
    retryAfterMs: RETRY_MS,
    ...(cause === undefined ? {} : { cause }),
  });
}
