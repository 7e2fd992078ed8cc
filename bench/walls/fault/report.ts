import type { Case } from "./cases.ts";
import { describeExpected } from "./describe.ts";
import { expectationOf } from "./expected.ts";
import type { Mode } from "./fault.ts";
import type { Result, WallReport } from "./run.ts";

const HEAD = `| the vendor | answer | alone | with a second vendor | as expected |
| --- | --- | --- | --- | ---: |`;

export const isRight = ({ results, broken }: Pick<WallReport, "results" | "broken">): boolean =>
  broken.length === 0 && results.length > 0 && results.every(({ differences }) => differences.length === 0);

/** A row for each fault and mode, over all clients and wires; what differs is written out below. */
export function table(results: readonly Result[]): string {
  const rows = new Map<string, Result[]>();
  for (const result of results) {
    const { fault, mode } = result.case;
    const key = `${fault.name} ${mode}`;
    rows.set(key, [...(rows.get(key) ?? []), result]);
  }
  return [HEAD, ...[...rows.values()].map(rowOf)].join("\n");
}

function rowOf(results: readonly Result[]): string {
  const [first] = results;
  if (first === undefined) throw new Error("a row has results");
  const { fault, mode } = first.case;
  const right = results.filter(({ differences }) => differences.length === 0).length;
  const seen = `${right} of ${results.length}`;
  const cells = [
    fault.what,
    MODES[mode],
    expectedIn(results, false),
    expectedIn(results, true),
    right === results.length ? seen : `**${seen}**`,
  ];
  return `| ${cells.join(" | ")} |`;
}

const MODES: Readonly<Record<Mode, string>> = { stream: "streamed", whole: "whole" };

/** Where wires differ, by wire. */
function expectedIn(results: readonly Result[], hasSecond: boolean): string {
  const byText = new Map<string, Set<string>>();
  for (const { case: one } of results) {
    if (one.hasSecond !== hasSecond) continue;
    const text = describeExpected(expectationOf(one), hasSecond);
    byText.set(text, (byText.get(text) ?? new Set()).add(one.wire.name));
  }
  if (byText.size === 0) return "–";
  return [...byText]
    .map(([text, wires]) => (byText.size === 1 ? text : `${text} (${[...wires].join(", ")})`))
    .join("; ");
}

/** What was not as expected, a line each. */
export const differencesIn = ({
  results,
  broken,
}: Pick<WallReport, "results" | "broken">): readonly string[] => [
  ...results.flatMap(({ case: one, differences }) =>
    differences.length === 0 ? [] : [`${one.name}: ${differences.join("; ")}`],
  ),
  ...broken,
];

/** The part of `bench/README.md`. @param about when, where and what was run */
export function markdown(report: WallReport, about: string): string {
  const { results, seconds } = report;
  const wrong = differencesIn(report);
  const clients = namesOf(results, ({ dialect }) => dialect.name);
  const wires = namesOf(results, ({ wire }) => wire.name);
  const summary = `${about}: ${results.length} cases in ${Math.round(seconds)} s. Clients: ${clients}. Vendors' wires: ${wires}.`;
  const books =
    wrong.length === 0 ? "Nothing differs, and the books are right." : `**${wrong.length} differ:**`;
  return [`${summary} ${books}`, ...wrong.map((line) => `- ${line}`), table(results)].join("\n\n");
}

const namesOf = (results: readonly Result[], of: (one: Case) => string): string =>
  [...new Set(results.map((result) => of(result.case)))].join(", ");
