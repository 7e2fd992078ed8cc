/** A part of `bench/README.md` that a bench writes, by the marks around it. */
export interface Marks {
  readonly begin: string;
  readonly end: string;
}

const marks = (command: string, name: string): Marks => ({
  begin: `<!-- ${name}: written by \`bun run ${command}\` -->`,
  end: `<!-- end of ${name} -->`,
});

export const FIGURES = marks("bench", "figures");
export const BUDGETS = marks("bench:budgets", "budgets");
export const STREAMS = marks("bench:streams", "streams");
export const TOKENS = marks("bench:tokens", "tokens");
export const CELLS = marks("bench:cells", "cells");
export const SOCKETS = marks("bench:sockets", "sockets");
export const SUITES = marks("bench:k6", "k6 suites");
export const CAPACITY = marks("bench:capacity", "capacity");
export const FAULT_WALL = marks("wall:fault", "fault wall");

/** The text with the part between the two marks replaced. Throws when they are missing. */
export function withPart(text: string, { begin, end }: Marks, part: string): string {
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the marks "${begin}" and "${end}" are missing`);
  return `${text.slice(0, from + begin.length)}\n\n${part}\n\n${text.slice(to)}`;
}
