import { SluiceError } from "../core/errors.ts";
import type { KeyId, TenantId, VendorId } from "../core/ids.ts";
import { type Micropoints, micropointsOf } from "../core/points.ts";
import type { Sql } from "./database.ts";

export const REPORT_GROUPS = ["tenant", "key", "model", "vendor", "tier", "day", "hour"] as const;
export type ReportGroup = (typeof REPORT_GROUPS)[number];

export interface ReportQuery {
  readonly groupBy: readonly ReportGroup[];
  /** Epoch milliseconds; hours that begin within [from, to). */
  readonly from: number;
  readonly to: number;
  readonly tenant?: TenantId;
}

/** Sums of one group; `group` has a text for each column that was asked for. */
export interface ReportRow {
  readonly group: Readonly<Partial<Record<ReportGroup, string>>>;
  readonly requests: bigint;
  readonly completed: bigint;
  readonly input: bigint;
  readonly cachedInput: bigint;
  readonly cacheWrite: bigint;
  readonly output: bigint;
  readonly reasoning: bigint;
  readonly images: bigint;
  readonly seconds: bigint;
  readonly cacheWriteLong: bigint;
  readonly audioInput: bigint;
  readonly imageInput: bigint;
  readonly audioOutput: bigint;
  readonly imageOutput: bigint;
  readonly characters: bigint;
  readonly charged: Micropoints;
  readonly loss: Micropoints;
}

export interface Reports {
  /** @throws SluiceError `invalid_request` when it would be longer than anybody reads: never a part of the sums */
  usage(query: ReportQuery): Promise<readonly ReportRow[]>;
  /** Charged to a key in hours that begin at or after `since` (epoch milliseconds). */
  spentByKey(key: KeyId, since: number): Promise<Micropoints>;
  /** Requests that a vendor served in hours that begin at or after `since` (epoch milliseconds). */
  callsByVendor(vendor: VendorId, since: number): Promise<bigint>;
}

/** Rows in one report at most; a report that would be longer wants a shorter span or fewer groups. */
const MOST_ROWS = 100_000;

/** Column expressions, all fixed: nothing from outside becomes SQL. */
const COLUMNS: Readonly<Record<ReportGroup, string>> = {
  tenant: "tenant",
  key: "key",
  model: "model",
  vendor: "vendor",
  tier: "tier",
  day: "to_char(hour at time zone 'UTC', 'YYYY-MM-DD')",
  hour: `to_char(hour at time zone 'UTC', 'YYYY-MM-DD"T"HH24:00:00"Z"')`,
};

const SUMS = {
  requests: "requests",
  completed: "completed",
  input: "input",
  cachedInput: "cached_input",
  cacheWrite: "cache_write",
  output: "output",
  reasoning: "reasoning",
  images: "images",
  seconds: "seconds",
  cacheWriteLong: "cache_write_long",
  audioInput: "audio_input",
  imageInput: "image_input",
  audioOutput: "audio_output",
  imageOutput: "image_output",
  characters: "characters",
  charged: "charged",
  loss: "loss",
} as const;

/** Reports read the hourly sums that the usage writer keeps, never the single rows. */
export function createReports(sql: Sql): Reports {
  return {
    async usage({ groupBy, from, to, tenant }) {
      const groups = groupBy.map((name) => `${COLUMNS[name]} as "by_${name}"`);
      const sums = Object.entries(SUMS).map(
        ([name, column]) => `coalesce(sum(${column}), 0)::bigint as "${name}"`,
      );
      const numbers = groupBy.map((_, index) => index + 1).join(", ");
      const rows = await sql.unsafe<Record<string, bigint | string>[]>(
        `select ${[...groups, ...sums].join(", ")} from usage_rollup
         where hour >= $1 and hour < $2 and ($3::text is null or tenant = $3)
         ${groupBy.length === 0 ? "" : `group by ${numbers} order by ${numbers}`} limit ${MOST_ROWS + 1}`,
        [new Date(from), new Date(to), tenant ?? null],
      );
      if (rows.length > MOST_ROWS) throw tooLong();
      return rows.map((row) => rowOf(row, groupBy));
    },
    async spentByKey(key, since) {
      const [row] = await sql<{ charged: bigint }[]>`
        select coalesce(sum(charged), 0)::bigint as charged from usage_rollup
        where key = ${key} and hour >= ${new Date(since)}`;
      return micropointsOf(row?.charged ?? 0n);
    },
    async callsByVendor(vendor, since) {
      const [row] = await sql<{ requests: bigint }[]>`
        select coalesce(sum(requests), 0)::bigint as requests from usage_rollup
        where vendor = ${vendor} and hour >= ${new Date(since)}`;
      return row?.requests ?? 0n;
    },
  };
}

const tooLong = (): SluiceError =>
  new SluiceError(
    "invalid_request",
    `The report has more than ${MOST_ROWS} rows: ask for a shorter span or fewer groups.`,
    { param: "group_by" },
  );

function rowOf(row: Readonly<Record<string, bigint | string>>, groupBy: readonly ReportGroup[]): ReportRow {
  const sum = (name: keyof typeof SUMS): bigint => BigInt(row[name] ?? 0n);
  return {
    group: Object.fromEntries(groupBy.map((name) => [name, String(row[`by_${name}`] ?? "")])),
    requests: sum("requests"),
    completed: sum("completed"),
    input: sum("input"),
    cachedInput: sum("cachedInput"),
    cacheWrite: sum("cacheWrite"),
    output: sum("output"),
    reasoning: sum("reasoning"),
    images: sum("images"),
    seconds: sum("seconds"),
    cacheWriteLong: sum("cacheWriteLong"),
    audioInput: sum("audioInput"),
    imageInput: sum("imageInput"),
    audioOutput: sum("audioOutput"),
    imageOutput: sum("imageOutput"),
    characters: sum("characters"),
    charged: micropointsOf(sum("charged")),
    loss: micropointsOf(sum("loss")),
  };
}
