import type { DelayFigures } from "./delay.ts";
import type { LeavingFigures } from "./leaving.ts";
import { type MemoryFigures, SAID_TOKENS } from "./memory.ts";

export interface StreamFigures {
  readonly leaving: readonly LeavingFigures[];
  readonly nodes: readonly NodeFigures[];
}

export interface NodeFigures {
  readonly name: string;
  readonly memory: MemoryFigures;
  readonly delay: DelayFigures;
}

/** What a running stream may hold at most, in KiB; half of it is aimed at. */
const MOST_KIB = 32;
/** How soon a vendor shall be hung up on. */
const MOST_MS = 100;

export const isKept = ({ nodes, leaving }: StreamFigures): boolean =>
  nodes.every(({ memory, delay }) => isSmall(memory) && delay.heard === delay.streams) &&
  leaving.every(({ ms }) => ms.p99 <= MOST_MS);

const isSmall = ({ first, more }: MemoryFigures): boolean => first <= MOST_KIB && more <= MOST_KIB;

/** The part of `bench/README.md`. @param about when and where */
export function markdown({ nodes, leaving }: StreamFigures, about: string): string {
  const row = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |`;
  const memory = nodes.map(({ name, memory: { streams, more, objects, first } }) =>
    row([name, streams, first, more, objects]),
  );
  const delay = nodes.map(({ name, delay: { streams, p50, p99, firstP50, firstP99, memory: grew } }) =>
    row([name, streams, p50, p99, firstP50, firstP99, grew]),
  );
  const left = leaving.map(({ way, times, ms }) =>
    row([way, times, ms.p50.toFixed(1), ms.p99.toFixed(1), ms.max.toFixed(1)]),
  );
  return `${about}.

KiB of a running stream that has said ${SAID_TOKENS} tokens, garbage collected (at most ${MOST_KIB}):

| node | streams | each of the first | each of as many more | objects among it |
| --- | ---: | ---: | ---: | ---: |
${memory.join("\n")}

Milliseconds that events come late, and until the first; KiB by which the process grew for each meanwhile, garbage included:

| node | streams | late p50 | p99 | first p50 | p99 | KiB |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
${delay.join("\n")}

Milliseconds until the vendor is hung up on when a client has left (at most ${MOST_MS}):

| way in | times | p50 | p99 | max |
| --- | ---: | ---: | ---: | ---: |
${left.join("\n")}`;
}
