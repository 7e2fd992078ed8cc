import { type Document, isAlias, isMap, isScalar, isSeq, type LineCounter, type Node, type Pair } from "yaml";
import type { Path } from "./problems.ts";

export interface Position {
  /** Both counted from 1. */
  readonly line: number;
  readonly column: number;
}

/**
 * Where a path stands in the text: at its key in a map, at the entry in a list. Of a path that is not there
 * (a required field), the place of the nearest parent that is.
 */
export function locate(document: Document, lines: LineCounter, path: Path): Position {
  let node: unknown = document.contents;
  let offset = offsetOf(node) ?? 0;
  for (const step of path) {
    const held: unknown = isAlias(node) ? node.resolve(document) : node;
    if (isMap(held)) {
      const pair: Pair | undefined = held.items.find(
        (item) => isScalar(item.key) && String(item.key.value) === String(step),
      );
      if (pair === undefined) break;
      offset = offsetOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(held)) {
      node = held.items[Number(step)];
      if (node === undefined) break;
      offset = offsetOf(node) ?? offset;
    } else {
      break;
    }
  }
  return positionAt(lines, offset);
}

/** The line and the column of an offset in the text, both from 1. */
export function positionAt(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

function offsetOf(node: unknown): number | undefined {
  if (typeof node !== "object" || node === null || !("range" in node)) return undefined;
  const { range } = node as Pick<Node, "range">;
  return range?.[0];
}
