import type { RequestId } from "../../core/ids.ts";
import type { IntentRecord, ProgressRecord, SpoolRecord } from "../records.ts";
import type { Segment } from "./segment.ts";

/** A request that has no USAGE yet. One object for all of its time, so that whoever has it need not look for it again. */
export interface OpenRequest {
  segment: Segment;
  readonly intent: IntentRecord;
  /** The last one that was written. */
  progress: ProgressRecord | undefined;
  /** Its USAGE is on its way to the disk. */
  isEnding: boolean;
}

/** The requests that have no USAGE yet, and which segment holds the INTENT of each: it must not be deleted. */
export class OpenIntents {
  readonly #entries = new Map<RequestId, OpenRequest>();

  get count(): number {
    return this.#entries.size;
  }

  /** A record was written to this segment. An INTENT that was open stands here from now on. */
  written(record: SpoolRecord, segment: Segment): void {
    const { id } = record;
    const entry = this.#entries.get(id);
    if (record.kind === "intent") {
      segment.openIntents += 1;
      if (entry === undefined) {
        this.#entries.set(id, { segment, intent: record, progress: undefined, isEnding: false });
      } else {
        entry.segment.openIntents -= 1;
        entry.segment = segment;
      }
    } else if (record.kind === "progress" && entry !== undefined) {
      entry.progress = record;
    }
  }

  /** The request's USAGE is being written; `close` or `goesOn` follows for what this answers. */
  ends(id: RequestId): OpenRequest | undefined {
    const entry = this.#entries.get(id);
    if (entry !== undefined) entry.isEnding = true;
    return entry;
  }

  /** Its USAGE could not be written. */
  goesOn(entry: OpenRequest): void {
    entry.isEnding = false;
  }

  close(entry: OpenRequest): void {
    if (this.#entries.delete(entry.intent.id)) entry.segment.openIntents -= 1;
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
