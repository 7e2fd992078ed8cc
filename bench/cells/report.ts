import { type Heap, sumOf } from "./heap.ts";

/** A case as it was counted. */
export interface Counted {
  readonly title: string;
  readonly heap: Heap;
}

/** Types of which a request of no case makes so many are summed up. */
const SHOWN_FROM = 0.5;

/** A row a type, the most frequent first, a column a case. */
export function cellsTable(counted: readonly Counted[]): string {
  const types = [...new Set(counted.flatMap(({ heap }) => Object.keys(heap.cells)))];
  const inAll = (type: string): number => counted.reduce((sum, { heap }) => sum + (heap.cells[type] ?? 0), 0);
  const shown = types
    .filter((type) => counted.some(({ heap }) => (heap.cells[type] ?? 0) >= SHOWN_FROM))
    .sort((one, other) => inAll(other) - inAll(one));
  const isShown = new Set(shown);
  const others = ({ cells }: Heap): number =>
    Object.entries(cells).reduce((sum, [type, count]) => sum + (isShown.has(type) ? 0 : count), 0);
  const row = (title: string, of: (heap: Heap) => string): string =>
    `| ${[title, ...counted.map(({ heap }) => of(heap))].join(" | ")} |`;
  const bytes = (count: number): string => Math.round(count).toLocaleString("en-US");
  return [
    `| cells | ${counted.map(({ title }) => title).join(" | ")} |`,
    `| --- |${" ---: |".repeat(counted.length)}`,
    ...shown.map((type) => row(type, ({ cells }) => figure(cells[type] ?? 0))),
    row("others", (heap) => figure(others(heap))),
    row("**all**", ({ cells }) => `**${figure(sumOf(cells))}**`),
    row("bytes of heap", (heap) => bytes(heap.bytes)),
    row("bytes beside it", (heap) => bytes(heap.bytesBeside)),
  ].join("\n");
}

/** A part of a cell is a cell that several requests share, or something that is done from time to time. */
const figure = (count: number): string => {
  const text = count.toFixed(count < 10 ? 2 : 1);
  return Number(text) === 0 ? "0" : text;
};
