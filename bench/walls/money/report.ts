import {
  type ClientRecord,
  type Finding,
  priceOf,
  type TenantBooks,
  TOKEN_PRICE,
  type UsageRow,
} from "./books.ts";
import type { Mischief } from "./mischief.ts";
import { PROMPT_TOKENS, type VendorAccount } from "./vendor.ts";

/** What one run came to. Amounts are micropoints. */
export interface RunReport {
  readonly seed: number;
  readonly nodes: number;
  readonly requests: Readonly<Record<ClientRecord["seen"], number>>;
  /** Refusals by status and code. */
  readonly refusals: Readonly<Record<string, number>>;
  /** What the first of each said. */
  readonly said: Readonly<Record<string, string>>;
  /** Troubles by kind. */
  readonly troubles: Readonly<Record<string, number>>;
  readonly inDoubt: number;
  readonly toppedUp: bigint;
  /** What whole answers must cost, by the vendor's price. */
  readonly expected: bigint;
  /** What all rows are charged, and the part of it for answers that no client has whole. */
  readonly charged: bigint;
  readonly chargedUnseen: bigint;
  readonly left: bigint;
  /** Booked as the platform's; and what the vendor handed over that nobody was charged for. */
  readonly loss: bigint;
  readonly givenAway: bigint;
  readonly overdrafts: number;
  /** From the last trouble's end until every node finds its books right. */
  readonly quietMs: number;
  readonly findings: readonly Finding[];
  /** What the gateway's own reconciliation still finds wrong after a while. */
  readonly broken: readonly string[];
}

export interface RunBooks {
  readonly seed: number;
  readonly nodes: number;
  readonly plan: readonly Mischief[];
  readonly records: readonly ClientRecord[];
  readonly usage: readonly UsageRow[];
  readonly tenants: readonly TenantBooks[];
  readonly vendor: VendorAccount;
  readonly findings: readonly Finding[];
  readonly broken: readonly string[];
  readonly overdrafts: number;
  readonly quietMs: number;
}

export function summary(books: RunBooks): RunReport {
  const { records, usage, tenants, vendor } = books;
  const served = records.filter((one) => one.seen === "served");
  // An answer that is given again under its idempotency key is the same one.
  const whole = new Map(served.map(({ id, output }) => [id, output]));
  const charged = sum(usage.map((row) => row.charged));
  const loss = sum(usage.map((row) => row.loss));
  const consumed = sum(
    Object.values(vendor.prompts).map(({ calls, all }) => BigInt(calls * PROMPT_TOKENS + all) * TOKEN_PRICE),
  );
  const count = (seen: ClientRecord["seen"]): number => records.filter((one) => one.seen === seen).length;
  return {
    seed: books.seed,
    nodes: books.nodes,
    requests: { served: count("served"), refused: count("refused"), cut: count("cut"), lost: count("lost") },
    refusals: countBy(
      records.flatMap((one) => (one.seen === "refused" ? [`${one.status} ${one.code}`] : [])),
    ),
    said: Object.fromEntries(
      records
        .flatMap((one) => (one.seen === "refused" ? [[`${one.status} ${one.code}`, one.message ?? ""]] : []))
        .reverse(),
    ),
    troubles: countBy(books.plan.map(({ kind }) => kind)),
    inDoubt: usage.filter(({ flags }) => flags.includes("in_doubt")).length,
    toppedUp: sum(tenants.map(({ toppedUp }) => toppedUp)),
    expected: sum([...whole.values()].map(priceOf)),
    charged,
    chargedUnseen: sum(usage.filter(({ id }) => !whole.has(id)).map((row) => row.charged)),
    left: sum(tenants.map(({ balance }) => balance)),
    loss,
    givenAway: consumed - charged - loss,
    overdrafts: books.overdrafts,
    quietMs: books.quietMs,
    findings: books.findings,
    broken: books.broken,
  };
}

export const isExact = ({ findings, broken, overdrafts }: RunReport): boolean =>
  findings.length + broken.length + overdrafts === 0;

const HEAD = `| seed | nodes | kills | pauses | cuts | requests | 2xx whole | refused | cut | no answer | in doubt | topped up | charged | for whole answers | expected | for others | left | difference | loss | not charged | overdrafts | quiet after s | books |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |`;

/** The table of all runs, amounts in points. */
export function table(reports: readonly RunReport[]): string {
  return [HEAD, ...reports.map(lineOf)].join("\n");
}

function lineOf(report: RunReport): string {
  const { served, refused, cut, lost } = report.requests;
  const troubles = (word: RegExp): number =>
    Object.entries(report.troubles).reduce(
      (total, [kind, count]) => total + (word.test(kind) ? count : 0),
      0,
    );
  const { charged, chargedUnseen } = report;
  const cells = [
    report.seed,
    report.nodes,
    troubles(/^kill/),
    troubles(/^pause/),
    troubles(/^(cut|stall|reset)/),
    served + refused + cut + lost,
    served,
    refused,
    cut,
    lost,
    report.inDoubt,
    points(report.toppedUp),
    points(charged),
    points(charged - chargedUnseen),
    points(report.expected),
    points(chargedUnseen),
    points(report.left),
    points(report.toppedUp - charged - report.left),
    points(report.loss),
    points(report.givenAway),
    report.overdrafts,
    Math.round(report.quietMs / 1_000),
    isExact(report) ? "exact" : `**${report.findings.length + report.broken.length} wrong**`,
  ];
  return `| ${cells.join(" | ")} |`;
}

/** How many findings of a run are written out; the rest are counted. */
const MOST_TOLD = 30;

/** The report as Markdown. */
export function markdown(reports: readonly RunReport[], command: string): string {
  const details = reports.map((report) => {
    const told = report.findings.slice(0, MOST_TOLD).map(({ kind, detail }) => `- ${kind}: ${detail}`);
    const more = report.findings.length - told.length;
    return [
      `## Seed ${report.seed}`,
      `Troubles: ${listOf(report.troubles)}. Refusals: ${listOf(report.refusals)}.`,
      ...Object.entries(report.said).map(([code, message]) => `- ${code}: "${message}"`),
      ...told,
      ...(more > 0 ? [`- and ${more} more`] : []),
      ...report.broken.map((broken) => `- reconciliation: ${broken}`),
    ].join("\n\n");
  });
  return `# Money wall\n\n\`${command}\`\n\n${table(reports)}\n\n${details.join("\n\n")}\n`;
}

const listOf = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${count} × ${name}`)
    .join(", ") || "none";

/** Points with six decimals. */
export function points(micro: bigint): string {
  const amount = micro < 0n ? -micro : micro;
  return `${micro < 0n ? "-" : ""}${amount / 1_000_000n}.${String(amount % 1_000_000n).padStart(6, "0")}`;
}

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, amount) => total + amount, 0n);

function countBy(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
