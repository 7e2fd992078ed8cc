import type { JsonObject } from "../../core/generation.ts";
import type { Description } from "./description.ts";

const header = (description: string): JsonObject => ({ description, schema: { type: "string" } });

/** What answers carry besides their body. */
export const ANSWER_HEADERS: JsonObject = {
  "x-request-id": header("Names the request: for receipts, explanations and whoever is asked for help."),
  "retry-after": header("Whole seconds after which trying again may help."),
  "x-sluice-vendor": header("Who served it."),
  "x-sluice-model": header("The vendor's own name of the model."),
  "x-sluice-attempts": header("How many vendors were called."),
  "x-sluice-cost": header("Points charged, where that is known when the headers leave."),
  "x-sluice-idempotent-replay": header(
    "`true`: the answer that the Idempotency-Key's first request was given.",
  ),
  "x-sluice-capped": header(
    "Output tokens that the balance could pay for, when those are fewer than wanted.",
  ),
  "x-sluice-dropped": header("Fields of the request that the vendor does not know and was not sent."),
  "x-ratelimit-limit-requests": header("Requests that the nearest limit allows at once."),
  "x-ratelimit-remaining-requests": header("How many of them are left."),
  "x-ratelimit-reset-requests": header("When all are back: `120ms`, `1s`, `6m0s`."),
  "x-ratelimit-limit-tokens": header("Tokens that the model's limit allows at once, where it has one."),
  "x-ratelimit-remaining-tokens": header("How many of them are left."),
  "x-ratelimit-reset-tokens": header("When all are back."),
};

const LIMITS = ["requests", "tokens"].flatMap((unit) => [
  `x-ratelimit-limit-${unit}`,
  `x-ratelimit-remaining-${unit}`,
  `x-ratelimit-reset-${unit}`,
]);
const GENERATED = [
  "x-sluice-vendor",
  "x-sluice-model",
  "x-sluice-attempts",
  "x-sluice-cost",
  "x-sluice-idempotent-replay",
  "x-sluice-capped",
  "x-sluice-dropped",
  ...LIMITS,
];

/** The headers that an answer of this status has, as references to their descriptions. */
export function headersOf({ tag, method }: Description, status: number): JsonObject {
  const names = ["x-request-id"];
  if (status === 200 && tag === "Generation" && method === "post") names.push(...GENERATED);
  if (status === 429) names.push(...LIMITS);
  if (status === 429 || status === 503) names.push("retry-after");
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}
