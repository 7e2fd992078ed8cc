import type { Clock } from "../core/clock.ts";
import { SluiceError } from "../core/errors.ts";
import type { TenantId } from "../core/ids.ts";
import { formatPoints } from "../core/points.ts";
import { REPORT_GROUPS, type ReportGroup, type ReportQuery, type ReportRow } from "../ledger/reports.ts";

export interface UsageReportPorts {
  readonly clock: Clock;
  readonly reports: { usage(query: ReportQuery): Promise<readonly ReportRow[]> };
  /** Resolves when the ledger has every request that had ended at the call. */
  flush(): Promise<void>;
}

/** What a report covers when it is not said: the last thirty days. */
const DEFAULT_SPAN_MS = 30 * 86_400_000;

/** Moments that a report can begin or end with: those that have been and can be written with four digits. */
const YEAR_10000 = Date.UTC(10_000, 0);

/** Sums in the order of the CSV's columns. */
const SUMS = {
  requests: "requests",
  completed: "completed",
  input: "input",
  cached_input: "cachedInput",
  cache_write: "cacheWrite",
  output: "output",
  reasoning: "reasoning",
  images: "images",
  seconds: "seconds",
} as const satisfies Record<string, keyof ReportRow>;

/** Sums that came later: behind all others, for readers that count columns. */
const RARE_SUMS = {
  cache_write_long: "cacheWriteLong",
  audio_input: "audioInput",
  image_input: "imageInput",
  audio_output: "audioOutput",
  image_output: "imageOutput",
  characters: "characters",
} as const satisfies Record<string, keyof ReportRow>;

/**
 * `?group_by=model,day&from=&to=&format=csv`: hours that begin in [from, to), as JSON or CSV. With `tenant`,
 * that tenant's alone.
 * @throws SluiceError `invalid_request` with the parameter that cannot be read
 */
export async function usageReport(
  ports: UsageReportPorts,
  parameters: URLSearchParams,
  tenant?: TenantId,
): Promise<Response> {
  const groupBy = groupsOf(parameters.get("group_by") ?? "");
  const to = momentOf(parameters, "to") ?? ports.clock.now();
  const from = momentOf(parameters, "from") ?? to - DEFAULT_SPAN_MS;
  if (from >= to) throw invalid("from", "must be before 'to'");
  const format = parameters.get("format") ?? "json";
  if (format !== "json" && format !== "csv") throw invalid("format", "must be json or csv");
  // What the ledger lacks for the moment is in the next report: one without it is better than none.
  await ports.flush().catch(() => undefined);
  const rows = await ports.reports.usage({ groupBy, from, to, ...(tenant === undefined ? {} : { tenant }) });
  if (format === "csv") return csvAnswer(groupBy, rows);
  const span = { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
  return Response.json({ object: "list", ...span, group_by: groupBy, data: rows.map(viewOf) });
}

function groupsOf(text: string): readonly ReportGroup[] {
  const names = text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const groups = new Set<ReportGroup>();
  for (const name of names) {
    const group = REPORT_GROUPS.find((known) => known === name);
    if (group === undefined) throw invalid("group_by", `must be a list out of ${REPORT_GROUPS.join(", ")}`);
    groups.add(group);
  }
  return [...groups];
}

/** A date, a date with its time, or epoch seconds; undefined when it is not given. */
function momentOf(parameters: URLSearchParams, name: string): number | undefined {
  const text = parameters.get(name);
  if (text === null || text === "") return undefined;
  const moment = /^\d{1,11}$/.test(text) ? Number(text) * 1_000 : Date.parse(text);
  if (!(moment >= 0 && moment < YEAR_10000))
    throw invalid(name, "must be a date such as 2026-05-01 or 2026-05-01T12:00:00Z");
  return moment;
}

const invalid = (param: string, rule: string): SluiceError =>
  new SluiceError("invalid_request", `Invalid '${param}': ${rule}.`, { param });

function viewOf(row: ReportRow): Record<string, string | number> {
  const view: Record<string, string | number> = { ...row.group };
  for (const [name, field] of Object.entries(SUMS)) view[name] = Number(row[field]);
  view.cost = formatPoints(row.charged);
  view.loss = formatPoints(row.loss);
  for (const [name, field] of Object.entries(RARE_SUMS)) view[name] = Number(row[field]);
  return view;
}

function csvAnswer(groupBy: readonly ReportGroup[], rows: readonly ReportRow[]): Response {
  const columns = [...groupBy, ...Object.keys(SUMS), "cost", "loss", ...Object.keys(RARE_SUMS)];
  const lines = rows.map(viewOf).map((view) => columns.map((name) => cell(view[name] ?? "")).join(","));
  return new Response(`${[columns.join(","), ...lines].join("\r\n")}\r\n`, {
    headers: {
      "content-type": "text/csv; charset=utf-8",
      "content-disposition": 'attachment; filename="usage.csv"',
    },
  });
}

/** RFC 4180. */
const cell = (value: string | number): string =>
  /[",\r\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value);
