import type { RequestId } from "../../core/ids.ts";
import type { IntentRecord, ProgressRecord, SpoolRecord } from "../records.ts";

/** A request that was admitted and has no USAGE record. */
export interface OpenIntent {
  readonly intent: IntentRecord;
  readonly progress: ProgressRecord | undefined;
}

/** Goes through a spool's records in order and keeps what is open at their end. */
export function createReplay(): { add(record: SpoolRecord): void; readonly open: readonly OpenIntent[] } {
  const open = new Map<RequestId, OpenIntent>();
  return {
    add(record) {
      if (record.kind === "usage") open.delete(record.id);
      else if (record.kind === "intent") open.set(record.id, { intent: record, progress: undefined });
      else {
        const entry = open.get(record.id);
        if (entry !== undefined) open.set(record.id, { ...entry, progress: record });
      }
    },
    get open() {
      return [...open.values()];
    },
  };
}
