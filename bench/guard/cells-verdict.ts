import { type Cells, sumOf } from "../cells/heap.ts";

/** Cells of a request, or of a token, by case and by type. */
export type CellsByCase = Readonly<Record<string, Cells>>;

/**
 * How much more than recorded is a regression. Counts of one tree are within 1 % of each other, on a busy machine too; one
 * closure more in the path of a whole answer is two cells of some hundred.
 */
const CELLS_BOUND = 1.03;
/** Of a type: below that it is what happens from time to time, and would differ in every record. */
const TOLD_FROM = 0.05;
/** Types that are named. */
const MOST_NAMED = 6;

/** What a record holds of a count. */
export const recordOf = (cells: Cells): Cells =>
  Object.fromEntries(
    Object.entries(cells)
      .filter(([, count]) => count >= TOLD_FROM)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([type, count]) => [type, Math.round(count * 100) / 100]),
  );

/** The most that passes. @param noise cells that a busy machine may add */
export const mostOf = (recorded: Cells, noise: number): number =>
  Math.max(sumOf(recorded) * CELLS_BOUND, sumOf(recorded) + noise);

/**
 * One line for each case that makes more cells than recorded, with the types that grew; also for one that was not
 * measured, or never recorded. Empty: nothing is wrong.
 * @param noiseOf cells that a busy machine may add to a case
 */
export function moreCells(
  measured: CellsByCase,
  recorded: CellsByCase,
  noiseOf: (id: string) => number,
): readonly string[] {
  const ids = new Set([...Object.keys(recorded), ...Object.keys(measured)]);
  return [...ids].flatMap((id) => {
    const before = recorded[id];
    const now = measured[id];
    if (now === undefined || Object.keys(now).length === 0) return [`${id}: cells not measured`];
    if (before === undefined) return [`${id}: its cells are not recorded`];
    const sum = sumOf(recordOf(now));
    const most = mostOf(before, noiseOf(id));
    if (sum <= most) return [];
    return [
      `${id}: ${sum.toFixed(2)} cells; ${sumOf(before).toFixed(2)} are recorded, ${most.toFixed(2)} the most. More of: ${grownTypes(before, now)}`,
    ];
  });
}

function grownTypes(before: Cells, now: Cells): string {
  return Object.entries(now)
    .map(([type, count]) => ({ type, was: before[type] ?? 0, count }))
    .filter(({ was, count }) => count - was >= TOLD_FROM)
    .sort((one, other) => other.count - other.was - (one.count - one.was))
    .slice(0, MOST_NAMED)
    .map(({ type, was, count }) => `${type} ${was.toFixed(2)} → ${count.toFixed(2)}`)
    .join(", ");
}
