import { type Cancel, type Clock, sleep } from "../core/clock.ts";
import type { NodeId, TenantId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import { add, least, type Micropoints, micropointsOf, subtract, ZERO } from "../core/points.ts";
import { NO_USAGE } from "../core/usage.ts";
import { codeOf, type Sql } from "./database.ts";
import type { UsageRecord } from "./records.ts";
import type { Position } from "./spool/position.ts";
import type { SpoolGap } from "./spool/read-segments.ts";
import type { Spool } from "./spool/spool.ts";

export interface UsageWriterOptions {
  readonly sql: Sql;
  readonly spool: Spool;
  readonly node: NodeId;
  readonly clock: Clock;
  readonly log: Log;
  /** How far the ledger already is. */
  readonly from: Position;
  /** Told what was booked, once for each record of this node's spool. */
  readonly onBooked?: (tenant: TenantId, charged: Micropoints) => void;
}

/** Records in one transaction at most: about 400 kB of JSON. */
const BATCH_RECORDS = 1_000;

/** How long records gather before they are written, unless somebody waits for them. */
const GATHER_MS = 50;

const FIRST_BACKOFF_MS = 50;
const MOST_BACKOFF_MS = 2_000;

/**
 * Classes 22 (data) and 23 (constraint): the statement, not the server, was the trouble, and trying again will
 * not help. 23514 in particular: the purse does not hold what the record charges.
 */
const isRefused = (thrown: unknown): boolean => /^2[23]/.test(codeOf(thrown) ?? "");

/** How long a stop waits for a batch whose answer does not come: sent again at the next start, it moves nothing. */
const STOP_MS = 3_000;

/**
 * Carries the spool into Postgres: batches in one transaction with the watermark, tried again until the ledger
 * has them. A batch whose commit is in doubt is simply sent again: rows that are there already move nothing.
 */
export class UsageWriter {
  #position: Position;
  #due: Cancel | undefined;
  #running: Promise<void> | undefined;
  /** Ends the pause between two tries. */
  #resume: (() => void) | undefined;
  #isStopped = false;
  #lastError: unknown;

  constructor(readonly options: UsageWriterOptions) {
    this.#position = options.from;
  }

  /** Everything before it is committed in the ledger. */
  get position(): Position {
    return this.#position;
  }

  /** Records in the spool that the ledger does not have yet, INTENTs and notes included. */
  get lag(): number {
    return Number(this.options.spool.end.sequence - this.#position.sequence);
  }

  /** Why the last try failed; undefined while all is well. */
  get lastError(): unknown {
    return this.#lastError;
  }

  /** The spool grew: writes soon. */
  wake(): void {
    if (this.#isStopped || this.#due !== undefined) return;
    this.#due = this.options.clock.after(GATHER_MS, () => {
      this.#due = undefined;
      void this.#run();
    });
  }

  /**
   * Resolves when the ledger has everything that is in the spool now.
   * @throws Error after `timeoutMs`, or when the writer was stopped
   */
  async flush(timeoutMs: number): Promise<void> {
    const { spool, clock } = this.options;
    const target = spool.end.sequence;
    const deadline = clock.monotonic() + timeoutMs;
    while (this.#position.sequence < target) {
      if (this.#isStopped) throw new Error("the usage writer was stopped");
      const left = deadline - clock.monotonic();
      if (left <= 0) throw new Error(`the ledger did not take the usage records within ${timeoutMs} ms`);
      const before = this.#position.sequence;
      await atMost(clock, left, this.#run());
      // The rest is being synced to the disk just now.
      if (this.#position.sequence === before) await sleep(clock, 1);
    }
  }

  /** Writes nothing more. What is in the spool stays there for the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#due?.();
    this.#resume?.();
    if (this.#running !== undefined) await atMost(this.options.clock, STOP_MS, this.#running);
  }

  /** One run at a time; whoever calls while one is under way waits for it. What came meanwhile goes with the next. */
  #run(): Promise<void> {
    this.#running ??= this.#writeAll().finally(() => {
      this.#running = undefined;
      if (this.lag > 0) this.wake();
    });
    return this.#running;
  }

  /** Writes what is there now, trying until it worked or the writer is stopped. */
  async #writeAll(): Promise<void> {
    const { log, spool } = this.options;
    const end = spool.end.sequence;
    let backoff = FIRST_BACKOFF_MS;
    while (!this.#isStopped && this.#position.sequence < end) {
      try {
        if (!(await this.#writeBatch())) return;
        if (this.#lastError !== undefined) log.info("the ledger takes usage records again");
        this.#lastError = undefined;
        backoff = FIRST_BACKOFF_MS;
      } catch (thrown) {
        if (this.#lastError === undefined) {
          log.error("usage records cannot be written to the ledger; trying again", { cause: String(thrown) });
        }
        this.#lastError = thrown;
        await this.#pause(backoff);
        backoff = Math.min(backoff * 2, MOST_BACKOFF_MS);
      }
    }
  }

  /** False when there was nothing that may be written yet. */
  async #writeBatch(): Promise<boolean> {
    const { spool } = this.options;
    const from = this.#position;
    const { usages, gaps, next } = spool.read(from, BATCH_RECORDS);
    if (next.sequence === from.sequence && next.segment === from.segment) return false;
    await this.#noteGaps(gaps);
    // Without a charge in it the watermark can wait, but not where the spool may delete a file behind it.
    if (usages.length > 0 || next.segment !== from.segment) await this.#apply(usages, next);
    this.#position = next;
    this.#tell(usages, next);
    return true;
  }

  /** The ledger has it: nothing that goes wrong here may send it again. */
  #tell(usages: readonly UsageRecord[], next: Position): void {
    const { spool, log, onBooked } = this.options;
    try {
      for (const [tenant, charged] of byTenant(usages)) onBooked?.(tenant, charged);
      spool.release(next);
    } catch (thrown) {
      log.error("what the ledger has booked could not be released", { cause: String(thrown) });
    }
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#resume = resolve;
    await atMost(this.options.clock, ms, promise);
    this.#resume = undefined;
  }

  async #apply(usages: readonly UsageRecord[], next: Position): Promise<void> {
    // With a request's id in it: a second process under this node's name, or a spool that was replaced, makes other batches.
    const name = `${this.options.node}:${next.sequence}:${usages[0]?.id}`;
    try {
      await this.#send(usages, name, next);
    } catch (thrown) {
      if (!isRefused(thrown)) throw thrown;
      const cause = String(thrown);
      this.options.log.error("the ledger refuses a batch of usage records; applying them one by one", {
        cause,
      });
      for (const usage of usages) await this.#applyAlone(usage, `${name}:${usage.id}`);
      await this.#send([], name, next);
    }
  }

  /**
   * What the ledger refuses of a single record: first what the purse cannot pay becomes the platform's loss, then
   * all of it together with whatever text a vendor may have smuggled in. Flagged, and never in the way of others.
   */
  async #applyAlone(usage: UsageRecord, name: string): Promise<void> {
    const { sql, node, log } = this.options;
    try {
      await this.#send([usage], name, undefined);
      return;
    } catch (thrown) {
      if (!isRefused(thrown)) throw thrown;
      log.error("a usage record was refused by the ledger", { request: usage.id, cause: String(thrown) });
    }
    const [purse] = await sql<{ balance: bigint }[]>`
      select balance from account where kind = 'purse' and tenant = ${usage.tenant} and node = ${node}`;
    const payable = least(usage.charged, micropointsOf(purse?.balance ?? 0n));
    try {
      await this.#send([lossOf(usage, payable)], name, undefined);
    } catch (thrown) {
      if (!isRefused(thrown)) throw thrown;
      await this.#send([barest(lossOf(usage, ZERO))], name, undefined);
    }
  }

  async #send(usages: readonly UsageRecord[], name: string, next: Position | undefined): Promise<void> {
    const { sql, node } = this.options;
    const batch = sql.json(usages.map(documentOf));
    await sql`select apply_usage(${node}, ${name}, ${batch}, ${next?.segment ?? null}, ${next?.offset ?? null},
                                 ${next?.sequence ?? null})`;
  }

  async #noteGaps(gaps: readonly SpoolGap[]): Promise<void> {
    const { sql, node, log } = this.options;
    for (const { expected, found } of gaps) {
      log.error("the spool has a gap: records are missing", {
        expected: String(expected),
        found: String(found),
      });
      await sql`insert into spool_gap (node, expected, found) values (${node}, ${expected}, ${found})
                on conflict do nothing`;
    }
  }
}

/** The record with only `payable` of its charge left to the tenant. */
function lossOf(usage: UsageRecord, payable: Micropoints): UsageRecord {
  const loss = add(usage.loss, subtract(usage.charged, payable));
  return { ...usage, charged: payable, loss, flags: [...usage.flags, "platform_loss"] };
}

/** Only who, when and how much: nothing is left that a ledger could object to. */
const barest = (usage: UsageRecord): UsageRecord => ({
  ...usage,
  usage: NO_USAGE,
  price: null,
  finishReason: null,
  errorCode: null,
  attempts: [],
});

/** A record as JSON, its amounts as numbers in text: JSON numbers would pass through a float. */
function documentOf(record: UsageRecord) {
  const { charged, loss, usage, attempts, flags, ...rest } = record;
  return {
    ...rest,
    usage: { ...usage },
    attempts: attempts.map((attempt) => ({ ...attempt, vendorCode: plainText(attempt.vendorCode) })),
    flags: [...flags],
    charged: String(charged),
    loss: String(loss),
  };
}

/** Postgres takes neither NUL nor half a surrogate pair, and a vendor may send both. */
const plainText = (text: string | null): string | null => text?.replaceAll("\0", "").toWellFormed() ?? null;

function byTenant(usages: readonly UsageRecord[]): Map<TenantId, Micropoints> {
  const sums = new Map<TenantId, Micropoints>();
  for (const { tenant, charged } of usages) {
    if (charged > 0n) sums.set(tenant, add(sums.get(tenant) ?? ZERO, charged));
  }
  return sums;
}

/** Resolves with the work or after `ms`, whichever is first. */
async function atMost(clock: Clock, ms: number, work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.after(ms, resolve);
  try {
    await Promise.race([work, promise]);
  } finally {
    cancel();
  }
}
