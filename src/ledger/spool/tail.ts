import type { SpoolRecord, UsageEntry } from "../records.ts";
import type { Position } from "./position.ts";

/** Records kept, half of them INTENTs, which take only a place: about 30 MB. A reader that is further behind reads the file. */
const KEPT = 80_000;
/** Letters of usage kept: records of usual length are all within it, and many long ones do not fill the memory. */
const KEPT_LETTERS = 48 * 1024 * 1024;

/**
 * The spool's end in memory, contiguous, so that what was just written need not be read back and decoded. In columns: an
 * object and a position for each record were a part of what the collector had to walk over.
 */
export class Tail {
  /** What the ledger books; undefined for the other kinds. */
  #usages: (UsageEntry | undefined)[] = [];
  /** Where the record behind each begins. */
  #segments: number[] = [];
  #offsets: number[] = [];
  /** Of all usage here. */
  #letters = 0;
  /** The number of the first one. */
  #first = 0n;

  /** `from`: where the records begin; `lengths`: how many bytes each took. */
  add(records: readonly SpoolRecord[], lengths: readonly number[], from: Position): void {
    if (this.#usages.length === 0) this.#first = from.sequence;
    let { offset } = from;
    for (let index = 0; index < records.length; index += 1) {
      const record = records[index];
      offset += lengths[index] ?? 0;
      const usage = record?.kind === "usage" ? record : undefined;
      if (usage !== undefined) this.#letters += usage.text.length;
      this.#usages.push(usage);
      this.#segments.push(from.segment);
      this.#offsets.push(offset);
    }
    // Half at a time: moving them all for each new one would cost more than reading them back.
    while (this.#usages.length > KEPT || this.#letters > KEPT_LETTERS) {
      this.#drop(Math.ceil(this.#usages.length / 2));
    }
  }

  /** Undefined when the position is not within what is kept. */
  read(from: Position, most: number): { readonly usages: UsageEntry[]; readonly next: Position } | undefined {
    if (this.#usages.length === 0 || from.sequence < this.#first) return undefined;
    const start = Number(from.sequence - this.#first);
    const end = Math.min(this.#usages.length, start + most);
    const usages: UsageEntry[] = [];
    for (let at = start; at < end; at += 1) {
      const usage = this.#usages[at];
      if (usage !== undefined) usages.push(usage);
    }
    const [segment, offset] = [this.#segments[end - 1], this.#offsets[end - 1]];
    if (end <= start || segment === undefined || offset === undefined) return { usages, next: from };
    return { usages, next: { segment, offset, sequence: this.#first + BigInt(end) } };
  }

  /** Forgets what lies before the position. */
  release(upTo: Position): void {
    const count = this.#usages.length === 0 ? 0 : Number(upTo.sequence - this.#first);
    if (count > 0) this.#drop(count);
  }

  /** What was written is not there after all. */
  clear(): void {
    this.#usages = [];
    this.#segments = [];
    this.#offsets = [];
    this.#letters = 0;
  }

  #drop(count: number): void {
    for (const usage of this.#usages.splice(0, count)) this.#letters -= usage?.text.length ?? 0;
    this.#segments.splice(0, count);
    this.#offsets.splice(0, count);
    this.#first += BigInt(count);
  }
}
