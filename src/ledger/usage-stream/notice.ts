import type { Watermark } from "../watermark.ts";

/** What an applier tells a node after it looked at one of its batches. */
export interface Notice {
  /** False: the batch begins beyond the watermark and was left out. Everything from there on must come again. */
  readonly isApplied: boolean;
  /** Of the batch. */
  readonly flight: number;
  /** Where the ledger is now. */
  readonly watermark: Watermark;
}

/** Undefined when it is no notice: then nothing is known, and the ledger will be asked. */
export function noticeOf(payload: unknown): Notice | undefined {
  const told = payload as Partial<Notice> | null; // checked here
  const { epoch, segment, offset, sequence } = told?.watermark ?? {};
  if (typeof told?.isApplied !== "boolean" || typeof told.flight !== "number") return undefined;
  if (typeof epoch !== "bigint" || typeof sequence !== "bigint") return undefined;
  if (typeof segment !== "number" || typeof offset !== "number") return undefined;
  return {
    isApplied: told.isApplied,
    flight: told.flight,
    watermark: { epoch, segment, offset, sequence },
  };
}
