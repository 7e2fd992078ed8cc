/**
 * Whether another vendor goes on with an answer whose vendor died in the middle of it: `never`, `always`, or
 * `before:200`, as long as fewer than 200 tokens were delivered.
 */
export type TakeoverPolicy = "never" | "always" | `before:${number}`;

/** What holds where neither the request, its key nor the configuration says anything. */
export const DEFAULT_TAKEOVER: TakeoverPolicy = "always";

const BEFORE = /^before:([1-9]\d{0,6})$/;

/** How a policy is written, for messages. */
export const TAKEOVER_FORMS = "'never', 'always' or 'before:' and a number of tokens, such as 'before:200'";

/** Undefined when it is none. */
export function parseTakeover(text: unknown): TakeoverPolicy | undefined {
  if (typeof text !== "string") return undefined;
  if (text === "never" || text === "always") return text;
  const tokens = BEFORE.exec(text)?.[1];
  return tokens === undefined ? undefined : `before:${Number(tokens)}`;
}

/** How many tokens may have been delivered and another vendor still goes on: 0 for `never`. */
export function tokensTakenOver(policy: TakeoverPolicy): number {
  if (policy === "never") return 0;
  return policy === "always" ? Number.POSITIVE_INFINITY : Number(policy.slice("before:".length));
}
