import { requestId, tenantId } from "../core/ids.ts";
import { type Micropoints, micropointsOf, ZERO } from "../core/points.ts";
import type { AttemptRecord, UsageEntry, UsageRecord } from "./records.ts";

/** Makes a record's text, the only time that it is made. */
export const entryOf = (record: UsageRecord): UsageEntry => ({
  kind: "usage",
  id: record.id,
  tenant: record.tenant,
  charged: record.charged,
  text: JSON.stringify(documentOf(record)),
});

/**
 * An entry out of its text.
 * @throws Error when it is no text of `entryOf`: the books are made of what is looked at here. The ledger refuses what else
 * may be wrong with a record, and books the rest; but what has none of this would fail before it gets there, again and
 * again, with all of its node's usage waiting behind it
 */
export function readEntry(text: string): UsageEntry {
  const parsed: unknown = JSON.parse(text);
  const { id, tenant, charged, loss, usage, flags, attempts } = (parsed ?? {}) as Partial<Spelled>; // checked here
  const isWhole =
    typeof id === "string" &&
    typeof tenant === "string" &&
    isAmount(charged) &&
    isAmount(loss) &&
    typeof usage === "object" &&
    Array.isArray(flags) &&
    Array.isArray(attempts) &&
    attempts.every((attempt) => typeof attempt === "object" && attempt !== null);
  if (!isWhole) throw new Error("a usage record with parts missing");
  return { kind: "usage", id, tenant, charged: amountOf(charged), text };
}

/** How a text begins. Without escapes in it, what is between the quotation marks is what was written. */
const HEAD = /^\{"kind":"usage","id":"([^"\\]*)","tenant":"([^"\\]*)","charged":"(-?\d+)"/;

/** As `readEntry`, of a text that a checksum proves to be one: a node that is behind reads its spool back in a fifth of the time. */
export function entryFrom(text: string): UsageEntry {
  const head = HEAD.exec(text);
  if (head === null) return readEntry(text);
  const [, id = "", tenant = "", charged = ""] = head;
  return { kind: "usage", id: requestId(id), tenant: tenantId(tenant), charged: amountOf(charged), text };
}

/** The whole record, for the few that the ledger does not take as they are. */
export function recordOf({ text }: UsageEntry): UsageRecord {
  const spelled = JSON.parse(text) as Spelled; // what an entry's text is
  const { charged, loss, attempts, ...rest } = spelled;
  return {
    ...rest,
    charged: amountOf(charged),
    loss: amountOf(loss),
    attempts: attempts.map(({ cost, ...attempt }) =>
      cost === undefined ? attempt : { ...attempt, cost: amountOf(cost) },
    ),
  };
}

/** A record as its text spells it: amounts are numbers in text, since JSON numbers would pass through a float. */
type Spelled = Omit<UsageRecord, "charged" | "loss" | "attempts"> & {
  readonly charged: string;
  readonly loss: string;
  readonly attempts: readonly (Omit<AttemptRecord, "cost"> & { readonly cost?: string })[];
};

const AMOUNT = /^-?\d+$/;
const isAmount = (value: unknown): value is string => typeof value === "string" && AMOUNT.test(value);

export const amountOf = (text: string): Micropoints => micropointsOf(BigInt(text));

/** As `amountOf` reads it. Most losses are none, and their text need not be made. */
export const textOfAmount = (amount: Micropoints): string => (amount === ZERO ? "0" : String(amount));

/** What an entry is made of stands first. Field by field: copies of the rest cost as much as all else that a record costs here. */
function documentOf(record: UsageRecord) {
  return {
    kind: record.kind,
    id: record.id,
    tenant: record.tenant,
    charged: textOfAmount(record.charged),
    loss: textOfAmount(record.loss),
    key: record.key,
    tier: record.tier,
    node: record.node,
    region: record.region,
    operation: record.operation,
    stream: record.stream,
    model: record.model,
    vendor: record.vendor,
    vendorModel: record.vendorModel,
    at: record.at,
    durationMs: record.durationMs,
    firstTokenMs: record.firstTokenMs,
    outcome: record.outcome,
    finishReason: record.finishReason,
    errorCode: record.errorCode,
    usage: record.usage,
    price: record.price,
    attempts: record.attempts.every(isSpelledAlready)
      ? record.attempts
      : record.attempts.map(attemptDocument),
    flags: record.flags,
  } satisfies { readonly [Name in keyof UsageRecord]-?: unknown };
}

/** The usual attempt: nothing in it is spelled otherwise. */
const isSpelledAlready = ({ vendorCode, cost }: AttemptRecord): boolean =>
  vendorCode === null && cost === undefined;

function attemptDocument(attempt: AttemptRecord) {
  return {
    vendor: attempt.vendor,
    vendorModel: attempt.vendorModel,
    keyId: attempt.keyId,
    startedMs: attempt.startedMs,
    durationMs: attempt.durationMs,
    result: attempt.result,
    status: attempt.status,
    errorCode: attempt.errorCode,
    vendorCode: plainText(attempt.vendorCode),
    usage: attempt.usage,
    cost: attempt.cost === undefined ? undefined : textOfAmount(attempt.cost),
    price: attempt.price,
  } satisfies { readonly [Name in keyof AttemptRecord]-?: unknown };
}

/** Postgres takes neither NUL nor half a surrogate pair, and a vendor may send both. */
const plainText = (text: string | null): string | null => text?.replaceAll("\0", "").toWellFormed() ?? null;
