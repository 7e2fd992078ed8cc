import type { CellsByCase } from "./cells-verdict.ts";
import type { Ratios } from "./cpu-verdict.ts";

/** What later runs are held against. */
export interface GuardRecord {
  readonly cpu: Ratios;
  readonly cells: CellsByCase;
}

/** A part that is missing is empty: whatever is measured of it has not passed. */
export async function readRecord(path: string): Promise<GuardRecord> {
  const file = Bun.file(path);
  const found: Partial<GuardRecord> = (await file.exists()) ? await file.json() : {};
  return { cpu: found.cpu ?? {}, cells: found.cells ?? {} };
}

export const recordText = (record: GuardRecord): string => `${JSON.stringify(record, null, 2)}\n`;
