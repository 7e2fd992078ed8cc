import type { Spread } from "../statistics.ts";

/** What is measured for the table; undefined: nothing there could be. */
export interface Measured {
  /** CPU of a whole answer against the pass-through's, by how many are asked for at once. */
  readonly ratios: ReadonlyMap<number, Spread>;
  /** Through one core, the same dialect, 8 in a read. */
  readonly tokensPerSecond: Spread;
  /** Milliseconds that a token of 1,000 streams at 50 a second comes later than straight from the vendor, at p99. */
  readonly addedDelayMs: Spread;
  readonly kibPerIdleSocket: number;
  readonly kibPerStream: number;
  readonly asksPerThousand: number;
  /** Seconds from the process's start until it is ready, Postgres being up. */
  readonly startSeconds: Spread;
}

/** A line of the table: what was promised and what is. */
export interface Budget {
  readonly what: string;
  readonly must: string;
  readonly aim: string;
  readonly measured: string;
  readonly verdict: "aim" | "must" | "missed" | "–";
}

const whole = (value: number): string => Math.round(value).toLocaleString("en-US");

function spread({ median, least, greatest }: Spread, written: (value: number) => string): string {
  return `${written(median)} (${written(least)}–${written(greatest)})`;
}

/** More is better only where `aim` is above `must`. */
function verdictOf(value: number, must: number, aim: number): Budget["verdict"] {
  const [isMet, isAimed] = must >= aim ? [value <= must, value <= aim] : [value >= must, value >= aim];
  if (!isMet) return "missed";
  return isAimed ? "aim" : "must";
}

/** The budgets in their order. */
export function budgetsOf(measured: Measured): readonly Budget[] {
  const { ratios, tokensPerSecond, addedDelayMs, startSeconds } = measured;
  const times = (value: number): string => `${value.toFixed(2)}×`;
  const of = (value: number, must: number, aim: number, row: Omit<Budget, "verdict">): Budget => ({
    ...row,
    verdict: verdictOf(value, must, aim),
  });
  return [
    ...[...ratios].map(([atOnce, ratio]) =>
      of(ratio.median, 1.6, 1.25, {
        what: `CPU of a whole answer, everything on, against a bare pass-through; ${whole(atOnce)} at once`,
        must: "≤ 1.6×",
        aim: "1.25×",
        measured: spread(ratio, times),
      }),
    ),
    {
      what: "cache hits of one core",
      must: "≥ 10,000/s",
      aim: "20,000/s",
      measured: "there is no response cache",
      verdict: "–",
    },
    of(tokensPerSecond.median, 120_000, 200_000, {
      what: "tokens through one core, same dialect, 8 in a read",
      must: "≥ 120,000/s",
      aim: "200,000/s",
      measured: spread(tokensPerSecond, whole),
    }),
    of(addedDelayMs.median, 5, 5, {
      what: "added to a token at p99, 1,000 streams at 50 a second through one core",
      must: "≤ 5 ms",
      aim: "",
      measured: `${spread(addedDelayMs, (value) => value.toFixed(1))} ms`,
    }),
    of(measured.kibPerIdleSocket, 8, 5, {
      what: "memory of an idle authenticated WebSocket",
      must: "≤ 8 KiB",
      aim: "5 KiB",
      measured: `${measured.kibPerIdleSocket.toFixed(1)} KiB`,
    }),
    of(measured.kibPerStream, 32, 16, {
      what: "memory of a running stream",
      must: "≤ 32 KiB",
      aim: "16 KiB",
      measured: `${measured.kibPerStream.toFixed(1)} KiB`,
    }),
    of(measured.asksPerThousand, 5, 2.5, {
      what: "hops to an owner for 1,000 requests, three nodes, steady",
      must: "≤ 5",
      aim: "2.5",
      measured: measured.asksPerThousand.toFixed(2),
    }),
    of(startSeconds.median, 1.5, 0.7, {
      what: "start until ready, Postgres being up",
      must: "≤ 1.5 s",
      aim: "0.7 s",
      measured: `${spread(startSeconds, (value) => value.toFixed(2))} s`,
    }),
  ];
}

/** The table in Markdown. */
export function tableOf(budgets: readonly Budget[]): string {
  const lines = budgets.map(
    ({ what, must, aim, measured, verdict }) => `| ${[what, must, aim, measured, verdict].join(" | ")} |`,
  );
  return ["| what | must | aim | measured | met |", "| --- | --- | --- | --- | --- |", ...lines].join("\n");
}
