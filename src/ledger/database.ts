import postgres from "postgres";

/** A pool of connections; `bigint` columns are bigints, never floats or strings. */
export type Sql = postgres.Sql<{ bigint: bigint }>;

export interface ConnectOptions {
  /** Connections at most. */
  readonly max?: number;
  /** Shown in pg_stat_activity. */
  readonly name?: string;
  /** True: connections are never exchanged for fresh ones; what hangs on a session must last. */
  readonly isKept?: boolean;
}

/** Opens a pool lazily: nothing is connected before the first query. */
export function connect(url: string, options: ConnectOptions = {}): Sql {
  return postgres(url, {
    max: options.max ?? 10,
    types: { bigint: postgres.BigInt },
    connection: { application_name: options.name ?? "sluice", TimeZone: "UTC" },
    // The driver's own query for array types rejects where nobody can catch it when its connection is lost;
    // no column here is an array.
    fetch_types: false,
    connect_timeout: 5,
    // Notices of our own migrations ("already exists") are nobody's news.
    onnotice: () => {},
    ...(options.isKept === true ? { max_lifetime: null } : {}),
    backoff: (attempt) => Math.min(0.05 * 2 ** attempt, 2),
  });
}

/** Codes with which the driver says that the server, not the statement, was the trouble. */
const CONNECTION_CODES = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ENOENT",
  "ETIMEDOUT",
]);

/**
 * True when a statement failed because the database could not be reached or was shutting down. Whether it was
 * applied is then unknown: it may be repeated only if repeating it is harmless.
 */
export function isUnreachable(thrown: unknown): boolean {
  const code = codeOf(thrown);
  if (code === undefined) return false;
  // 57P01–57P03: shutting down or starting up; class 08: connection exception; 53300: too many connections.
  return CONNECTION_CODES.has(code) || code.startsWith("57P") || code.startsWith("08") || code === "53300";
}

/** An amount, or a sum with it, that no bigint holds. */
export const OUT_OF_RANGE = "22003";

/** The SQLSTATE or the driver's code of what was thrown. */
export function codeOf(thrown: unknown): string | undefined {
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}
