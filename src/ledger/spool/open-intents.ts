import type { RequestId } from "../../core/ids.ts";
import type { IntentRecord, ProgressRecord, SpoolRecord } from "../records.ts";
import type { Segment } from "./segment.ts";

interface Entry {
  readonly segment: Segment;
  readonly intent: IntentRecord;
  /** The last one that was written. */
  readonly progress: ProgressRecord | undefined;
  /** Its USAGE is on its way to the disk. */
  isEnding: boolean;
}

/** The requests that have no USAGE yet, and which segment holds the INTENT of each: it must not be deleted. */
export class OpenIntents {
  readonly #entries = new Map<RequestId, Entry>();

  get count(): number {
    return this.#entries.size;
  }

  /** A record was written to this segment. An INTENT that was open stands here from now on. */
  written(record: SpoolRecord, segment: Segment): void {
    const { id } = record;
    const entry = this.#entries.get(id);
    if (record.kind === "intent") {
      if (entry !== undefined) entry.segment.openIntents -= 1;
      segment.openIntents += 1;
      const isEnding = entry?.isEnding ?? false;
      this.#entries.set(id, { segment, intent: record, progress: entry?.progress, isEnding });
    } else if (record.kind === "progress" && entry !== undefined) {
      this.#entries.set(id, { ...entry, progress: record });
    }
  }

  /** The request's USAGE is being written; `close` or `goesOn` follows. */
  ends(id: RequestId): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) entry.isEnding = true;
  }

  /** Its USAGE could not be written. */
  goesOn(id: RequestId): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) entry.isEnding = false;
  }

  close(id: RequestId): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.segment.openIntents -= 1;
    this.#entries.delete(id);
  }

  /** What a segment says about requests that still run and are not just ending, to be written again elsewhere. */
  standingIn(segment: Segment): readonly SpoolRecord[] {
    const records: SpoolRecord[] = [];
    for (const entry of this.#entries.values()) {
      if (entry.segment !== segment || entry.isEnding) continue;
      records.push(entry.intent);
      if (entry.progress !== undefined) records.push(entry.progress);
    }
    return records;
  }
}
