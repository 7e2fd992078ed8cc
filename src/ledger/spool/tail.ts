import type { SpoolRecord, UsageRecord } from "../records.ts";
import type { Position } from "./position.ts";

interface Written {
  /** Absent: nothing that the ledger books. */
  readonly usage: UsageRecord | undefined;
  readonly next: Position;
}

/** Records kept; a reader that is further behind reads the file. */
const KEPT = 20_000;

/** The spool's end in memory, contiguous, so that what was just written need not be read back and decoded. */
export class Tail {
  #written: Written[] = [];

  /** `from`: where the records begin; `lengths`: how many bytes each took. */
  add(records: readonly SpoolRecord[], lengths: readonly number[], from: Position): void {
    let { offset, sequence } = from;
    for (const [index, record] of records.entries()) {
      offset += lengths[index] ?? 0;
      sequence += 1n;
      const usage = record.kind === "usage" ? record : undefined;
      this.#written.push({ usage, next: { segment: from.segment, offset, sequence } });
    }
    // Half at a time: moving them all for each new one would cost more than reading them back.
    if (this.#written.length > KEPT) this.#written.splice(0, KEPT / 2);
  }

  /** Undefined when the position is not within what is kept. */
  read(
    from: Position,
    most: number,
  ): { readonly usages: UsageRecord[]; readonly next: Position } | undefined {
    const first = this.#first();
    if (first === undefined || from.sequence < first) return undefined;
    const start = Number(from.sequence - first);
    const batch = this.#written.slice(start, start + most);
    return { usages: batch.flatMap(({ usage }) => usage ?? []), next: batch.at(-1)?.next ?? from };
  }

  /** Forgets what lies before the position. */
  release(upTo: Position): void {
    const first = this.#first();
    if (first !== undefined && upTo.sequence > first) this.#written.splice(0, Number(upTo.sequence - first));
  }

  /** What was written is not there after all. */
  clear(): void {
    this.#written = [];
  }

  #first(): bigint | undefined {
    const [first] = this.#written;
    return first === undefined ? undefined : first.next.sequence - 1n;
  }
}
