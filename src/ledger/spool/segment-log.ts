import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { SpoolRecord } from "../records.ts";
import type { Files } from "./files.ts";
import { encodeFrames } from "./frame.ts";
import { OpenIntents } from "./open-intents.ts";
import { type Position, START } from "./position.ts";
import { readSegments, type SpoolBatch } from "./read-segments.ts";
import { createReplay, type OpenIntent } from "./replay.ts";
import { listSegments, openSegment, type Segment } from "./segment.ts";
import { Tail } from "./tail.ts";
import { isBlank, walk } from "./walk.ts";

export interface SegmentLogOptions {
  /** This node's own directory; nobody else writes there. */
  readonly directory: string;
  readonly files: Files;
  readonly clock: Clock;
  readonly log: Log;
  /** What the ledger has applied: numbering goes on after it even if the disk was lost. */
  readonly floor: Position;
  /** Bytes after which a new segment begins. */
  readonly segmentBytes: number;
}

interface Unsynced {
  readonly start: Position;
  /** Written from there on. */
  readonly written: (readonly SpoolRecord[])[];
}

/**
 * A segment that the ledger has and that only running requests keep is given up when it lies this many behind the
 * newest: one long stream must not keep everything that came after it.
 */
const CARRY_AFTER_SEGMENTS = 4;

/** Numbered records in a row of files: appended, synced, read back, deleted from the front. */
export class SegmentLog {
  readonly intents = new OpenIntents();
  readonly #segments: Segment[] = [];
  readonly #tail = new Tail();
  #bytes = 0;
  #sequence = START.sequence;
  /** Every record before it is on the disk. */
  #synced = START.sequence;
  /** Ended since the last sync, with records in them that it did not reach. */
  readonly #ended: Segment[] = [];
  /** What is written and not yet synced: the reader stops before it. */
  #unsynced: Unsynced | undefined;
  /** Cut off together with a group that could not be synced: written again before anything else. */
  #owed: readonly SpoolRecord[] = [];
  /** The newest segment's last sync failed: nothing more is written there. */
  #isSuspect = false;
  #failedAt: number | undefined;
  /** The last sync failed: that a write succeeds proves nothing. */
  #isSyncBroken = false;

  private constructor(readonly options: SegmentLogOptions) {}

  /** Opens what is there, cutting off a torn end. `open` holds the requests without USAGE. */
  static open(options: SegmentLogOptions): {
    readonly log: SegmentLog;
    readonly open: readonly OpenIntent[];
  } {
    const { files, directory, floor } = options;
    files.makeDirectory(directory);
    const log = new SegmentLog(options);
    const open = log.#readAll(listSegments(files, directory));
    if (log.#sequence < floor.sequence) {
      if (log.#segments.length > 0 || floor.sequence > START.sequence) {
        options.log.warn("the spool ends before what the ledger has applied; its disk was lost or replaced", {
          directory,
        });
      }
      log.#sequence = floor.sequence;
      log.#begin(Math.max(floor.segment, log.#segments.at(-1)?.number ?? 0) + 1);
    }
    if (log.#segments.length === 0) log.#begin(floor.segment);
    return { log, open };
  }

  /** Where the next record goes. */
  get end(): Position {
    const { number, length } = this.#newest();
    return { segment: number, offset: length, sequence: this.#sequence };
  }

  get bytes(): number {
    return this.#bytes;
  }

  get segments(): number {
    return this.#segments.length;
  }

  /** When the disk refused the last time (monotonic milliseconds); undefined while it takes records. */
  get failedAt(): number | undefined {
    return this.#failedAt;
  }

  /** Up to `most` records from a position on, none that is not on the disk yet. */
  read(from: Position, most: number): SpoolBatch {
    const unsynced = this.#unsynced?.start;
    const safe = unsynced === undefined ? most : Math.min(most, Number(unsynced.sequence - from.sequence));
    if (safe <= 0) return { usages: [], gaps: [], next: from };
    const recent = this.#tail.read(from, safe);
    return recent === undefined
      ? readSegments(this.options.files, this.#segments, from, unsynced ?? this.end, safe)
      : { ...recent, gaps: [] };
  }

  /**
   * Numbers and writes records, those that are owed first. In the kernel's hands when it returns what it wrote.
   * @param wanted stays as it is: it may have to be written again
   * @throws what the disk said; the records were never numbered then
   */
  append(wanted: readonly SpoolRecord[]): readonly SpoolRecord[] {
    const records = this.#owed.length === 0 ? wanted : [...this.#owed, ...wanted];
    if (records.length === 0) return records;
    let segment = this.#newest();
    const { bytes, lengths } = encodeFrames(records, this.#sequence);
    try {
      if (this.#isSuspect || segment.length >= this.options.segmentBytes) {
        const ended = segment;
        segment = this.#begin(segment.number + 1);
        if (!this.#isSuspect) this.#ended.push(ended);
        this.#isSuspect = false;
      }
      this.options.files.write(segment.descriptor, bytes, segment.length);
    } catch (cause) {
      this.#failedAt = this.options.clock.monotonic();
      this.#cut(segment, segment.length);
      throw cause;
    }
    this.#tail.add(records, lengths, this.end);
    segment.length += bytes.length;
    this.#bytes += bytes.length;
    this.#sequence += BigInt(records.length);
    this.#owed = [];
    this.#unsynced?.written.push(records);
    for (const record of records) this.intents.written(record, segment);
    if (!this.#isSyncBroken) this.#failedAt = undefined;
    return records;
  }

  /**
   * Appends and resolves when the records are on the disk, and everything before them. One at a time.
   * @throws what the disk said; of these records no USAGE is there then
   */
  async appendSynced(wanted: readonly SpoolRecord[]): Promise<void> {
    const start = this.end;
    const written = [this.append(wanted)];
    this.#unsynced = { start, written };
    const sequence = this.#sequence;
    const ended = this.#ended.length;
    const { descriptor } = this.#newest();
    try {
      if (ended > 0) await this.#syncEnded(ended);
      await this.options.files.sync(descriptor);
      this.#unsynced = undefined;
      this.#synced = sequence;
      this.#failedAt = undefined;
      this.#isSyncBroken = false;
    } catch (cause) {
      this.#unsynced = undefined;
      this.#distrust(start, written.flat());
      throw cause;
    } finally {
      if (ended > 0) this.#ended.splice(0, ended);
    }
  }

  /** The first so many of them, before the newest: a power failure must not leave a hole before what is acknowledged. */
  async #syncEnded(count: number): Promise<void> {
    for (const { descriptor } of this.#ended.slice(0, count)) await this.options.files.sync(descriptor);
  }

  /** Deletes whole segments before the position, oldest first. What they say about running requests is kept. */
  release(upTo: Position): void {
    this.#tail.release(upTo);
    for (;;) {
      const [oldest, next] = this.#segments;
      if (oldest === undefined || next === undefined || oldest.number >= upTo.segment) return;
      if (oldest.openIntents > 0 && this.#newest().number - oldest.number >= CARRY_AFTER_SEGMENTS) {
        this.#carry(oldest);
      }
      if (oldest.openIntents > 0 || oldest.keptUntil > this.#synced || this.#ended.includes(oldest)) return;
      this.#segments.shift();
      this.#bytes -= oldest.length;
      this.options.files.close(oldest.descriptor);
      this.options.files.remove(oldest.path);
    }
  }

  close(): void {
    for (const { descriptor } of this.#segments) this.options.files.close(descriptor);
  }

  /** Writes again, at the end, what a segment says about requests that still run. */
  #carry(segment: Segment): void {
    try {
      this.append(this.intents.standingIn(segment));
      segment.keptUntil = this.#sequence;
    } catch (cause) {
      this.options.log.error("running requests could not be carried to the end of the spool", {
        cause: String(cause),
      });
    }
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
    if (cuts.every((isCut) => isCut)) {
      this.#sequence = start.sequence;
      for (const segment of suspects) if (segment.length === 0) segment.first = start.sequence;
    }
    this.#isSuspect = true;
    this.#owed = lost.filter(({ kind }) => kind !== "usage");
    try {
      this.append([]);
    } catch (cause) {
      this.options.log.error("no new segment of the spool could be begun", { cause: String(cause) });
    }
    this.#failedAt = this.options.clock.monotonic();
    this.#isSyncBroken = true;
  }

  /** What was cut off is not read any more, from memory neither. False when its bytes may still be there. */
  #cut(segment: Segment, length: number): boolean {
    this.#bytes -= segment.length - length;
    segment.length = length;
    this.#tail.clear();
    try {
      this.options.files.truncate(segment.descriptor, length);
      return true;
    } catch (cause) {
      this.options.log.error("the spool's segment could not be cut", {
        cause: String(cause),
        segment: segment.path,
      });
      return false;
    }
  }

  #begin(number: number): Segment {
    const { files, directory } = this.options;
    const segment = openSegment(files, directory, number, this.#sequence);
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
    const replay = createReplay();
    for (const number of numbers) this.#readOne(number, replay.add, number === numbers.at(-1));
    return replay.open;
  }

  #readOne(number: number, add: (record: SpoolRecord) => void, isLast: boolean): void {
    const { files, directory, log } = this.options;
    const segment = openSegment(files, directory, number, this.#sequence);
    this.#segments.push(segment);
    this.#bytes += segment.length;
    let isFirst = true;
    const from = { offset: 0, sequence: this.#sequence };
    const { offset, damages, unreadable } = walk(files, segment, from, Number.POSITIVE_INFINITY, (frame) => {
      if (isFirst) segment.first = frame.sequence;
      isFirst = false;
      this.#sequence = frame.sequence + 1n;
      const record = frame.decode();
      add(record);
      if (record.kind !== "usage") {
        this.intents.written(record, segment);
        return;
      }
      this.intents.close(record.id);
    });
    const isTorn = isLast && (unreadable === "incomplete" || isBlank(files, segment, offset));
    if (unreadable !== undefined && isTorn) this.#cut(segment, offset);
    if ((unreadable === undefined || isTorn) && damages.length === 0) return;
    log.error("a spool segment is damaged; the records that it hit are lost and show as a gap", {
      segment: segment.path,
      offset: damages[0] ?? offset,
    });
    if (unreadable === undefined || isTorn) return;
    // The number left out makes the loss visible, and the damaged bytes stay for whoever looks into it.
    this.#sequence += 1n;
    if (isLast) this.#begin(number + 1);
  }
}
