import { z } from "zod";
import { parseDuration } from "../core/durations.ts";
import { type Micropoints, parsePoints } from "../core/points.ts";
import { parseByteSize } from "./byte-sizes.ts";

/** The kinds of value that the configuration is made of. None changes what it reads: converters do that. */

/** A day: longer waits are mistakes, and timers cannot hold much more. */
const MAX_DURATION_MS = 86_400_000;
/** The largest body that fits a JSON parser's memory with room to spare. */
const MAX_BODY_BYTES = 1024 ** 3;
/** A gateway that has just started takes about as much. */
const LEAST_MEMORY_BYTES = 128 * 1024 ** 2;

const DURATION_MESSAGE = "must be a length of time such as 2s, 500ms or 5m";
export const duration = z
  .string({ error: (issue) => (issue.input === undefined ? undefined : DURATION_MESSAGE) })
  .superRefine((text, context) => {
    const ms = parseDuration(text);
    if (ms === undefined) context.addIssue({ code: "custom", message: DURATION_MESSAGE });
    else if (ms > MAX_DURATION_MS) context.addIssue({ code: "custom", message: "must not be more than 24h" });
  })
  .describe("A length of time: 2s, 500ms, 5m, 1h.");

/** A length of time that is not nothing. */
export const waitingTime = duration.refine((text) => parseDuration(text) !== 0, "must be more than nothing");

const SIZE_MESSAGE = "must be a size such as 32MiB, or a number of bytes";
const anySize = z.union([z.number(), z.string()], { error: SIZE_MESSAGE });
export const byteSize = anySize
  .superRefine((value, context) => {
    const bytes = parseByteSize(value);
    if (bytes === undefined || bytes === 0) context.addIssue({ code: "custom", message: SIZE_MESSAGE });
    else if (bytes > MAX_BODY_BYTES)
      context.addIssue({ code: "custom", message: "must not be more than 1GiB" });
  })
  .describe("A size: 32MiB, 512KiB, or a number of bytes.");

/** The same as a variable of the environment has it. */
export const byteSizeText = z
  .string()
  .refine((text) => byteSize.safeParse(/^\d+$/.test(text) ? Number(text) : text).success, SIZE_MESSAGE);

/** What a process may have of the machine's memory. */
export const memorySize = anySize
  .refine(
    (value) => (parseByteSize(value) ?? 0) >= LEAST_MEMORY_BYTES,
    "must be at least 128MiB, such as 4GiB",
  )
  .describe("A size: 4GiB, 512MiB, or a number of bytes.");

export const points = z
  .union([z.number(), z.string()], {
    error: (issue) => (issue.input === undefined ? "is required" : NOT_POINTS),
  })
  .superRefine((value, context) => {
    const message = pointsProblem(value);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  })
  .describe("Points, with up to six decimals.");

const NOT_POINTS = "must be an amount of points such as 2 or 0.25";

/** Why a value is no amount that a price can have. */
function pointsProblem(value: string | number): string | undefined {
  const text = String(value);
  // Numbers below 0.000001 and beyond 10^21 are the ones that JavaScript writes with an exponent.
  if (typeof value === "number" && text.includes("e")) {
    if (value < 0) return "must not be negative";
    return value < 1 ? "has more than six decimals" : "is too large";
  }
  if (!/^-?\d+(\.\d+)?$/.test(text)) return NOT_POINTS;
  if (text.startsWith("-")) return "must not be negative";
  if (/\.\d{7,}$/.test(text)) return "has more than six decimals";
  return parsePoints(value) === undefined ? "is too large" : undefined;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;
/** Names that become part of a message subject, a metric label and a URL. */
export const shortName = z
  .string()
  .regex(NAME, "must be 1 to 63 letters, digits, '-' or '_', starting with a letter or digit");

/** More processes than the largest machines have cores serve nobody. */
const MOST_WORKERS = 256;

export const workerCount = z.union([z.int().min(1).max(MOST_WORKERS), z.literal("auto")], {
  error: `must be a number from 1 to ${MOST_WORKERS}, or auto`,
});

export const modelName = z
  .string()
  .regex(/^[^\s\p{C}]{1,200}$/u, "must be 1 to 200 characters without spaces");

/** A vendor's key: it goes into a header, so it must be one printable word. */
export const secret = z
  .string()
  .regex(/^[\x21-\x7e]{1,4096}$/, "must be one word of printable ASCII, and not empty");

export const httpUrl = z.string().superRefine((text, context) => {
  const message = urlProblem(text);
  if (message !== undefined) context.addIssue({ code: "custom", message });
});

/** The value is never shown: a URL can carry a password. */
function urlProblem(text: string): string | undefined {
  if (!URL.canParse(text)) return "must be a URL such as https://api.example.com/v1";
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") return "must begin with http:// or https://";
  if (url.username !== "" || url.password !== "") return "must not hold a name or password: use keys";
  return url.search !== "" || url.hash !== "" ? "must not have a query or a fragment" : undefined;
}

const hasScheme = (text: string, schemes: readonly string[]): boolean =>
  URL.canParse(text) && schemes.includes(new URL(text).protocol);

export const databaseUrl = z
  .string()
  .refine(
    (text) => hasScheme(text, ["postgres:", "postgresql:"]),
    "must be a URL such as postgres://user@host/name",
  );

export const redisUrl = z
  .string()
  .refine(
    (text) => listOf(text).every((url) => hasScheme(url, ["redis:", "rediss:"])) && listOf(text).length > 0,
    "must be a URL such as redis://host:6379",
  );

export const natsUrl = z
  .string()
  .refine(
    (text) => listOf(text).every((url) => isNatsUrl(url)) && listOf(text).length > 0,
    "must be a comma list of URLs such as nats://host:4222",
  );

/** NATS servers may also be given as `host:port`. */
const isNatsUrl = (text: string): boolean =>
  hasScheme(text, ["nats:", "tls:"]) || /^[\w.-]+(:\d+)?$/.test(text);

/** The entries of a comma list. */
export const listOf = (text: string): readonly string[] =>
  text
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");

/** What rates are counted by, in seconds. */
const RATE_PERIODS: ReadonlyMap<string, number> = new Map([
  ["second", 1],
  ["minute", 60],
  ["hour", 3_600],
  ["day", 86_400],
]);

const RATE_MESSAGE =
  "must be a number of requests and a period such as 1000/hour (second, minute, hour or day)";
export const requestRate = z
  .string({ error: (issue) => (issue.input === undefined ? undefined : RATE_MESSAGE) })
  .refine((text) => parseRate(text) !== undefined, RATE_MESSAGE)
  .describe("Requests in any period: 20/second, 300/minute, 1000/hour, 5000/day.");

/** `1000/hour` as requests and seconds; undefined when it is none. */
export function parseRate(text: string): { readonly count: number; readonly seconds: number } | undefined {
  const [, number = "", name = ""] = /^([1-9]\d{0,8}) ?\/ ?([a-z]+)$/.exec(text) ?? [];
  const seconds = RATE_PERIODS.get(name);
  return seconds === undefined ? undefined : { count: Number(number), seconds };
}

const SPENDING_MESSAGE = "must be an amount of points and a period such as 100/day (day or month)";
export const spending = z
  .string({ error: (issue) => (issue.input === undefined ? undefined : SPENDING_MESSAGE) })
  .refine((text) => parseSpending(text) !== undefined, SPENDING_MESSAGE)
  .describe("Points in a calendar period (UTC): 100/day, 2500/month.");

/** `100/day` as points and a calendar period (UTC); undefined when it is none, or allows nothing. */
export function parseSpending(
  text: string,
): { readonly points: Micropoints; readonly period: "day" | "month" } | undefined {
  const [, amount = "", period] = /^(\d+(?:\.\d{1,6})?) ?\/ ?(day|month)$/.exec(text) ?? [];
  const points = parsePoints(amount);
  if (points === undefined || points <= 0n) return undefined;
  return period === "day" || period === "month" ? { points, period } : undefined;
}

/** A path of the API, as a key of the file. */
export const apiPath = z
  .string()
  .regex(/^\/[^\s?#]{0,199}$/, "must be a path such as /v1/chat/completions, without a query")
  .refine((path) => apiPathOf(path) === path, "must have neither a slash at its end nor two in a row");

/** The one form of a path that names it. */
const apiPathOf = (path: string): string => path.replace(/\/{2,}/g, "/").replace(/(.)\/$/, "$1");

export const positive = z.number().positive();
export const count = z.int().min(1);
export const share = z.number().min(0).max(1);
