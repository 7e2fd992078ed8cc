import type { Comparison } from "./compare.ts";
import type { AddedLatency } from "./half-load.ts";
import type { MemoryEach } from "./idle-memory.ts";
import type { Trend } from "./k6/run.ts";
import { SHOWN } from "./k6/shown.ts";
import type { MachineFacts } from "./machine.ts";
import type { Figures } from "./measure.ts";
import type { OpenLoop } from "./open-loop.ts";
import type { Spread } from "./statistics.ts";
import type { Books } from "./target.ts";

export interface Report {
  readonly machine: MachineFacts;
  readonly gateway: string;
  readonly yardstick: string;
  readonly repeats: number;
  readonly seconds: number;
  /** What generator and mock vendor reach without anything between them, requests a second by case. */
  readonly mockAlone: Readonly<Record<string, number>>;
  readonly comparisons: readonly Comparison[];
  readonly halfLoad: readonly AddedLatency[];
  readonly memory: readonly MemoryEach[];
  readonly openLoops: readonly OpenLoop[];
  readonly books: Books | undefined;
  /** Why the books could not be looked at. */
  readonly booksProblem: string | undefined;
}

/** The figures as Markdown, for the terminal and for `bench/README.md`. */
export function markdownOf(report: Report): string {
  return [
    machineText(report),
    "### CPU of the gateway process",
    cpuTable(report),
    "### What it adds at half load",
    halfLoadTable(report),
    "### Memory",
    memoryTable(report),
    "### Closed loops",
    closedTable(report),
    "### Open loops (k6)",
    openTable(report),
    "### Books",
    report.booksProblem ?? booksText(report.books),
  ].join("\n\n");
}

function machineText({ machine, repeats, seconds, mockAlone, gateway, yardstick }: Report): string {
  const { processor, cores, memoryGibibytes, kernel, bun, k6, date, commit, isBound } = machine;
  const bound = isBound
    ? "The gateway under test is bound to one core; mock vendor and generators to the others; the gateway's Postgres is free."
    : "Nothing is bound to a core.";
  const alone = Object.entries(mockAlone).map(([id, rate]) => `${id} ${count(rate)}/s`);
  return [
    `${date}, commit ${commit}: ${gateway} against ${yardstick}. ${processor}, ${cores} cores, ${memoryGibibytes} GiB; Linux ${kernel}; Bun ${bun}; k6 ${k6}.`,
    `${bound} Each figure is the median of ${repeats} interleaved stretches of ${seconds} s, with the least and the greatest in brackets.`,
    `Generator and mock vendor with nothing between them: ${alone.join(", ")}.`,
  ].join("\n");
}

function cpuTable({ comparisons, gateway, yardstick }: Report): string {
  const rows = comparisons.map(({ load, gateway: own, yardstick: other, ratio }) => [
    load.title,
    other === undefined ? "–" : spread(other.cpuPerThousand, milliseconds),
    spread(own.cpuPerThousand, milliseconds),
    ratio === undefined ? "–" : `**${spread(ratio, ratioText)}**`,
    spread(own.descendantsCpuPerThousand, milliseconds),
    count(1000 / own.cpuPerThousand.median),
    count((1000 / own.cpuPerThousand.median) * load.tokens),
  ]);
  return table(
    [
      "CPU ms per 1,000 requests",
      yardstick,
      gateway,
      "ratio",
      "its Postgres, besides",
      `requests per core second of ${gateway}`,
      "tokens",
    ],
    rows,
  );
}

const PERCENTILES = ["p50", "p99", "p999"] as const;

/** Ratios of CPU say what a request costs; this says what a client feels of it. */
function halfLoadTable({ halfLoad, yardstick, gateway }: Report): string {
  const rows = halfLoad.flatMap(({ title, rate, errors, whole, first }) =>
    (
      [
        ["whole answer", whole],
        ["first byte", first],
      ] as const
    ).map(([what, { yardstick: other, gateway: own, added }], at) => [
      at === 0 ? `${title}, ${count(rate)}/s` : "",
      what,
      ...PERCENTILES.map((name) => `**${spread(added[name], latency)}**`),
      ...PERCENTILES.map((name) => `${latency(other[name].median)} → ${latency(own[name].median)}`),
      at === 0 ? String(errors) : "",
    ]),
  );
  const columns = [
    "ms",
    "",
    "added p50",
    "added p99",
    "added p99.9",
    `p50: ${yardstick} → ${gateway}`,
    "p99",
    "p99.9",
    "errors",
  ];
  return table(columns, rows);
}

function memoryTable({ memory }: Report): string {
  const rows = memory.map(({ what, count: number, kibibytes }) => [
    what,
    count(number),
    kibibytes.toFixed(1),
  ]);
  return table(["", "opened", "KiB each, resident"], rows);
}

function closedTable({ comparisons, gateway, yardstick }: Report): string {
  const row = (title: string, name: string, figures: Figures): string[] => [
    title,
    name,
    spread(figures.throughput, count),
    `${Math.round(figures.coreUse.median * 100)} %`,
    ...[figures.firstP50, figures.p50, figures.p99, figures.p999].map(({ median }) => latency(median)),
    `${Math.round(figures.residentMebibytes)}`,
    count(figures.requests),
    errorsText(figures.errors),
  ];
  const rows = comparisons.flatMap(({ load, gateway: own, yardstick: other }) => [
    ...(other === undefined ? [] : [row(load.title, yardstick, other)]),
    row(other === undefined ? load.title : "", gateway, own),
  ]);
  const columns = [
    "load",
    "",
    "requests/s",
    "of a core",
    "first p50 ms",
    "p50 ms",
    "p99",
    "p99.9",
    "RSS MiB",
  ];
  return table([...columns, "requests", "errors"], rows);
}

function openTable({ openLoops }: Report): string {
  const rows = openLoops.flatMap(({ script, target, rate, result }) =>
    SHOWN[script].map(([metric, title], at) => {
      const trend: Trend | undefined = result.trends[metric];
      const wrong = result.failedChecks + result.dropped;
      return [
        at === 0 ? `${script}, ${rate} starts/s` : "",
        target,
        title,
        ...(["med", "p(90)", "p(99)", "p(99.9)", "max"] as const).map((name) =>
          latency(trend?.[name] ?? Number.NaN),
        ),
        count(result.iterations),
        wrong === 0 ? "0" : `${result.failedChecks} checks, ${result.dropped} dropped`,
        result.crossed.length === 0 ? "kept" : `crossed: ${result.crossed.join(", ")}`,
      ];
    }),
  );
  const columns = [
    "script",
    "target",
    "ms",
    "p50",
    "p90",
    "p99",
    "p99.9",
    "max",
    "starts",
    "errors",
    "thresholds",
  ];
  return table(columns, rows);
}

function booksText(books: Books | undefined): string {
  if (books === undefined) return "There are none to check without a gateway that keeps some.";
  const { reconciles, failedChecks, balanceChange, sumOfCosts, servedByVendor, agree } = books;
  return [
    `After all of this \`GET /admin/v1/ledger/reconcile\` is ${reconciles ? "ok" : `NOT ok (${failedChecks.join("; ")})`}.`,
    `The balance went down by ${balanceChange} points; the sum of all costs is ${sumOfCosts} points; what the mock vendor says that it served comes to ${servedByVendor} points at the configured price: ${agree ? "the same" : "NOT the same"}.`,
  ].join("\n");
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(columns), line(columns.map(() => "---")), ...rows.map(line)].join("\n");
}

function spread({ median, least, greatest }: Spread, show: (value: number) => string): string {
  return `${show(median)} (${show(least)}–${show(greatest)})`;
}

/** CPU seconds of 1,000 requests as milliseconds. */
const milliseconds = (seconds: number): string => (seconds * 1000).toFixed(1);
const ratioText = (ratio: number): string => `${ratio.toFixed(2)}×`;
const count = (value: number): string => Math.round(value).toLocaleString("en-US");
const latency = (value: number): string => (Number.isNaN(value) ? "–" : value.toFixed(value < 10 ? 2 : 1));

function errorsText(errors: Readonly<Record<string, number>>): string {
  const entries = Object.entries(errors);
  return entries.length === 0 ? "0" : entries.map(([name, times]) => `${times} × ${name}`).join(", ");
}
