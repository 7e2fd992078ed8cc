import { micro } from "../../../tests/gateway.ts";
import type { Seen } from "./dialects/dialect.ts";
import type { Expected } from "./expected.ts";

/** What the wall reads of a receipt. */
export interface Receipt {
  readonly outcome: string;
  /** Points, as the next. */
  readonly charged: string;
  readonly loss: string;
  readonly attempts: readonly unknown[];
}

/** The longest wait that a client may be sent away for, in seconds. */
const MOST_WAIT_S = 60;

/** Where what was seen is nothing of what may be: a sentence for each difference from what comes nearest to it. */
export function differencesOf(
  allowed: readonly Expected[],
  seen: Seen,
  receipt: Receipt | undefined,
): readonly string[] {
  return fewest(
    allowed.map((each) => [...seenOtherwise(each, seen), ...bookedOtherwise(each, seen, receipt)]),
  );
}

export const fewest = (each: readonly (readonly string[])[]): readonly string[] =>
  each.reduce((least, next) => (next.length < least.length ? next : least), each[0] ?? []);

/** The client's side, which any gateway can be held to. */
export function seenOtherwise(expected: Expected, seen: Seen): readonly string[] {
  const isAnother = (name: string, wanted: unknown, got: unknown): string[] =>
    wanted === got
      ? []
      : [`${name} ${JSON.stringify(got) ?? "none"}, not ${JSON.stringify(wanted) ?? "none"}`];
  const { status = expected.status } = seen;
  return [
    ...isAnother("status", expected.status, status),
    ...isAnother("end", expected.end, seen.end),
    ...isAnother("error", expected.error, seen.error),
    ...isAnother("text", expected.text, seen.text),
    ...(seen.status === 429 ? wrongWait(seen.retryAfter) : []),
  ];
}

function wrongWait(told: string | undefined): readonly string[] {
  const seconds = /^\d+$/.test(told ?? "") ? Number(told) : 0;
  return seconds >= 1 && seconds <= MOST_WAIT_S ? [] : [`retry-after: ${told ?? "none"}`];
}

function bookedOtherwise(expected: Expected, seen: Seen, receipt: Receipt | undefined): readonly string[] {
  if (receipt === undefined) return [`no receipt for '${seen.request}'`];
  const { outcome, attempts } = receipt;
  const charged = micro(receipt.charged);
  const loss = micro(receipt.loss);
  const { payer, cost } = expected;
  const wrong: string[] = [];
  if (outcome !== expected.outcome) wrong.push(`outcome ${outcome}, not ${expected.outcome}`);
  if (attempts.length !== expected.attempts)
    wrong.push(`${attempts.length} calls of vendors, not ${expected.attempts}`);
  if (charged + loss !== cost) wrong.push(`${charged} charged and ${loss} lost, not ${cost} together`);
  if (payer === "client" && loss > 0n) wrong.push(`${loss} lost, which the client was to pay`);
  if (payer === "platform" && charged > 0n) wrong.push(`${charged} charged for what the client does not pay`);
  if (seen.cost !== undefined && micro(seen.cost) !== charged)
    wrong.push(`the client was told a cost of ${seen.cost}, and charged ${receipt.charged}`);
  return wrong;
}
