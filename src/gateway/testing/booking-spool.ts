import type { ProgressRecord, UsageRecord } from "../../ledger/records.ts";
import type { ChargeSpool } from "../charge.ts";

/**
 * A spool in memory: what it takes is told to its owner and stands in `booked` and `noted`.
 * @param refusal what the disk says to a USAGE; absent or undefined: it takes it
 */
export function bookingSpool(
  booked: UsageRecord[],
  noted: ProgressRecord[] = [],
  refusal: () => Error | undefined = () => undefined,
): ChargeSpool {
  return {
    async intent(_record, owner) {
      owner.intentWritten();
    },
    progress: (record) => void noted.push(record),
    async usage(record, owner) {
      const refused = refusal();
      if (refused !== undefined) {
        owner?.usageRefused();
        throw refused;
      }
      booked.push(record);
      owner?.usageWritten();
    },
  };
}
