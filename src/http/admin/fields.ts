import { isIP } from "node:net";
import { z } from "zod";
import { TIERS } from "../../core/catalog.ts";
import { parseDuration } from "../../core/durations.ts";
import { SluiceError } from "../../core/errors.ts";
import { type Micropoints, parsePoints } from "../../core/points.ts";
import type { Scope } from "../../gateway/gateway.ts";

/** The kinds of value that admin bodies are made of. None changes what it reads. */

const NOT_POINTS = 'must be an amount of points such as "12.5", with at most six decimals';

/** Text or a number; a number only where its decimal form is exact. */
export const amount = z
  .union([z.string(), z.number()], {
    error: (issue) => (issue.input === undefined ? "is required" : NOT_POINTS),
  })
  .superRefine((value, context) => {
    const parsed = String(value).includes("e") ? undefined : parsePoints(value);
    if (parsed === undefined) context.addIssue({ code: "custom", message: NOT_POINTS });
    else if (parsed < 0n) context.addIssue({ code: "custom", message: "must not be negative" });
  })
  .describe("Points, as a decimal string with up to six places.");

export const positiveAmount = amount.refine(
  (value) => parsePoints(value) !== 0n,
  "must be more than nothing",
);

/** What `amount` has let through. */
export function pointsOf(value: string | number): Micropoints {
  const parsed = parsePoints(value);
  if (parsed === undefined) throw new Error("an amount was read before it was checked");
  return parsed;
}

const DURATION = "must be a length of time such as 24h, 30m or 0s";
export const duration = z
  .string()
  .superRefine((text, context) => {
    const ms = parseDuration(text);
    if (ms === undefined) context.addIssue({ code: "custom", message: DURATION });
    else if (ms > 30 * 86_400_000)
      context.addIssue({ code: "custom", message: "must not be more than 720h" });
  })
  .describe("A length of time: 24h, 30m, 90s.");

/** What `duration` has let through, in milliseconds. */
export const durationOf = (text: string): number => parseDuration(text) ?? 0;

/** A text that people read and the ledger keeps: without control characters and halves of characters. */
const plainText = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, "must not hold control characters");
export const name = plainText;
/** Names a movement of points, so that it is booked once. */
export const reference = plainText;
export const tier = z.enum(TIERS);
export const scope = z.enum([
  "chat",
  "completions",
  "embeddings",
  "moderations",
  "rerank",
  "audio",
  "realtime",
  "images",
  "models",
  "account",
  "streams",
  "media",
  "webhooks",
] as const satisfies readonly Scope[]);

export const glob = plainText.describe("A name; `*` stands for any part of it.");

/** An address or a range of them. */
export const addressRange = z
  .string()
  .refine(isAddressRange, "must be an address or a range such as 10.0.0.0/8")
  .describe("An IP address, or a range in CIDR form.");

function isAddressRange(text: string): boolean {
  const [address = "", prefix, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || address.includes("%") || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}

const NOT_A_MOMENT = "must be a time such as 2027-01-31T00:00:00Z, or epoch seconds";
/** A moment: ISO 8601 with its time zone, or epoch seconds. */
export const moment = z
  .union([z.iso.datetime({ offset: true, error: NOT_A_MOMENT }), z.int().min(0).max(99_999_999_999)], {
    error: NOT_A_MOMENT,
  })
  .describe("ISO 8601, or epoch seconds.");

/** What `moment` has let through, in epoch milliseconds. */
export const momentOf = (value: string | number): number =>
  typeof value === "number" ? value * 1_000 : Date.parse(value);

const MOST_LISTED = 1_000;

/** `?limit=`; absent: 100. @throws SluiceError `invalid_request` */
export function limitOf(query: URLSearchParams): number {
  const text = query.get("limit") ?? "100";
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MOST_LISTED) return limit;
  const message = `Invalid 'limit': must be a number from 1 to ${MOST_LISTED}.`;
  throw new SluiceError("invalid_request", message, { param: "limit" });
}
