import type { NodeId, TenantId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import { add, least, type Micropoints, micropointsOf, subtract, ZERO } from "../core/points.ts";
import { NO_USAGE } from "../core/usage.ts";
import { codeOf, type Sql } from "./database.ts";
import type { UsageEntry, UsageRecord } from "./records.ts";
import type { Position } from "./spool/position.ts";
import type { SpoolGap } from "./spool/read-segments.ts";
import { entryOf, recordOf } from "./usage-entry.ts";
import { type Watermark, type WatermarkRow, watermarkOf } from "./watermark.ts";

/** What a node's spool says between two places. */
export interface UsageBatch {
  readonly node: NodeId;
  /** Of the spool's opening under which it was read. */
  readonly epoch: bigint;
  /** Sequence of the first record that it covers; INTENTs and notes have numbers too. */
  readonly from: bigint;
  readonly to: Position;
  readonly usages: readonly UsageEntry[];
  readonly gaps: readonly SpoolGap[];
}

export interface Booked {
  /** Records that the ledger did not have before. */
  readonly applied: number;
  /** Where the ledger is now. */
  readonly watermark: Watermark;
}

export interface Books {
  readonly sql: Sql;
  readonly log: Log;
}

/** Records in one transaction at most: about 600 kB of JSON. */
export const BATCH_RECORDS = 1_000;

const BEYOND_WATERMARK = "SL003";

/** True when a batch was refused because something before it is not in the ledger. */
export const isBeyondWatermark = (thrown: unknown): boolean => codeOf(thrown) === BEYOND_WATERMARK;

/**
 * Classes 22 (data) and 23 (constraint): the statement, not the server, was the trouble, and trying again will
 * not help. 23514 in particular: the purse does not hold what the record charges.
 */
const isRefused = (thrown: unknown): boolean => /^2[23]/.test(codeOf(thrown) ?? "");

/**
 * Books a batch and moves the node's watermark over it in one transaction. Safe to repeat: records that are there
 * already move nothing. What the ledger refuses is booked as the platform's loss, flagged, and holds up nothing.
 * @throws what the database said; `isBeyondWatermark` tells the batch that came too early
 */
export async function bookUsage(books: Books, batch: UsageBatch): Promise<Booked> {
  const booked = await bookAll(books, batch);
  for (const { expected, found } of batch.gaps) {
    books.log.error("the spool has a gap: records are missing", {
      node: batch.node,
      expected: String(expected),
      found: String(found),
    });
  }
  return booked;
}

async function bookAll(books: Books, batch: UsageBatch): Promise<Booked> {
  const { node, to, usages } = batch;
  // With a request's id in it: a second process under this node's name, or a spool that was replaced, makes other batches.
  const name = `${node}:${to.sequence}:${usages[0]?.id}`;
  try {
    return await send(books, batch, name, usages, batch);
  } catch (thrown) {
    if (!isRefused(thrown)) throw thrown;
    const cause = String(thrown);
    books.log.error("the ledger refuses a batch of usage records; applying them one by one", { node, cause });
  }
  let applied = 0;
  for (const usage of usages) applied += await bookAlone(books, batch, usage, `${name}:${usage.id}`);
  const { watermark } = await send(books, batch, name, [], batch);
  return { applied, watermark };
}

/**
 * What the ledger refuses of a single record: first what the purse cannot pay becomes the platform's loss, then
 * all of it together with whatever text a vendor may have smuggled in. Flagged, and never in the way of others.
 */
async function bookAlone(books: Books, batch: UsageBatch, usage: UsageEntry, name: string): Promise<number> {
  const { sql, log } = books;
  const alone = async (entry: UsageEntry): Promise<number> =>
    (await send(books, batch, name, [entry], undefined)).applied;
  try {
    return await alone(usage);
  } catch (thrown) {
    if (!isRefused(thrown)) throw thrown;
    log.error("a usage record was refused by the ledger", { request: usage.id, cause: String(thrown) });
  }
  const [purse] = await sql<{ balance: bigint }[]>`
    select balance from account where kind = 'purse' and tenant = ${usage.tenant} and node = ${batch.node}`;
  const record = recordOf(usage);
  const payable = least(usage.charged, micropointsOf(purse?.balance ?? 0n));
  try {
    return await alone(entryOf(lossOf(record, payable)));
  } catch (thrown) {
    if (!isRefused(thrown)) throw thrown;
    return await alone(entryOf(barest(lossOf(record, ZERO))));
  }
}

/** `span` undefined leaves the watermark where it is. */
async function send(
  { sql }: Books,
  { node, epoch }: UsageBatch,
  name: string,
  usages: readonly UsageEntry[],
  span: UsageBatch | undefined,
): Promise<Booked> {
  // The texts as they are: cast in the statement, since the driver would make them anew.
  const records = `[${usages.map(({ text }) => text).join(",")}]`;
  const gaps = sql.json(span?.gaps.map(gapDocument) ?? []);
  const { segment, offset, sequence } = span?.to ?? { segment: null, offset: null, sequence: null };
  const [row] = await sql<(WatermarkRow & { applied: bigint })[]>`
    select * from apply_usage(${node}, ${epoch}, ${name}, ${records}::text::jsonb, ${gaps}, ${span?.from ?? null},
                              ${segment}, ${offset}, ${sequence})`;
  if (row === undefined) throw new Error("the ledger did not say where it is");
  return { applied: Number(row.applied), watermark: watermarkOf(row) };
}

/** The record with only `payable` of its charge left to the tenant. */
function lossOf(usage: UsageRecord, payable: Micropoints): UsageRecord {
  const loss = add(usage.loss, subtract(usage.charged, payable));
  return { ...usage, charged: payable, loss, flags: [...usage.flags, "platform_loss"] };
}

/** An entry with only who, when and how much. */
export const barestEntry = (entry: UsageEntry): UsageEntry => entryOf(barest(recordOf(entry)));

/** Nothing is left that a ledger could object to. */
const barest = (usage: UsageRecord): UsageRecord => ({
  ...usage,
  usage: NO_USAGE,
  price: null,
  finishReason: null,
  errorCode: null,
  attempts: [],
});

const gapDocument = ({ expected, found }: SpoolGap) => ({
  expected: String(expected),
  found: String(found),
});

/** What each tenant is charged by these records. */
export function chargesByTenant(usages: readonly UsageEntry[]): ReadonlyMap<TenantId, Micropoints> {
  const sums = new Map<TenantId, Micropoints>();
  for (const { tenant, charged } of usages) {
    if (charged <= ZERO) continue;
    const sum = sums.get(tenant);
    sums.set(tenant, sum === undefined ? charged : add(sum, charged));
  }
  return sums;
}
