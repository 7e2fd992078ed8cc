/** Cells by their type, as JavaScriptCore calls it (`Object`, `JSLexicalEnvironment`). */
export type Cells = Readonly<Record<string, number>>;

/** What is on a heap that nobody collects; or what was put there, by each of several requests. */
export interface Heap {
  readonly cells: Cells;
  /** Of cells and of the storage of objects and arrays. */
  readonly bytes: number;
  /** Outside the heap, and held by something on it: buffers, native halves of streams, as the collector is told. */
  readonly bytesBeside: number;
}

export const sumOf = (cells: Cells): number => Object.values(cells).reduce((sum, count) => sum + count, 0);

/** What `later` has and `earlier` had not, divided by `by`. */
export function growthOf(earlier: Heap, later: Heap, by = 1): Heap {
  const cells: Record<string, number> = {};
  for (const type of new Set([...Object.keys(earlier.cells), ...Object.keys(later.cells)])) {
    cells[type] = ((later.cells[type] ?? 0) - (earlier.cells[type] ?? 0)) / by;
  }
  return {
    cells,
    bytes: (later.bytes - earlier.bytes) / by,
    bytesBeside: (later.bytesBeside - earlier.bytesBeside) / by,
  };
}

/** The round in which the fewest cells were made: whatever runs beside the requests makes some, and never fewer. */
export function leastOf(rounds: readonly Heap[]): Heap {
  const least = rounds.toSorted((one, other) => sumOf(one.cells) - sumOf(other.cells))[0];
  if (least === undefined) throw new Error("no round was measured");
  return least;
}
