import { type Cancel, type Clock, sleep } from "../core/clock.ts";
import type { NodeId, TenantId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { Micropoints } from "../core/points.ts";
import { atMost } from "./at-most.ts";
import { BATCH_RECORDS, bookUsage, chargesByTenant, isBeyondWatermark } from "./book-usage.ts";
import type { Sql } from "./database.ts";
import type { UsageEntry } from "./records.ts";
import type { Position } from "./spool/position.ts";
import type { SpoolBatch } from "./spool/read-segments.ts";
import type { Spool } from "./spool/spool.ts";
import type { UsageCarrier } from "./usage-carrier.ts";
import { readWatermark, type Watermark } from "./watermark.ts";

export interface UsageWriterOptions {
  readonly sql: Sql;
  readonly spool: Spool;
  readonly node: NodeId;
  readonly clock: Clock;
  readonly log: Log;
  /** How far the ledger already is. */
  readonly from: Watermark;
  /** Told what was booked, once for each record of this node's spool. */
  readonly onBooked?: (tenant: TenantId, charged: Micropoints) => void;
}

/** How long records gather before they are written, unless somebody waits for them. */
const GATHER_MS = 50;

const FIRST_BACKOFF_MS = 50;
const MOST_BACKOFF_MS = 2_000;

/** How long a stop waits for a batch whose answer does not come: sent again at the next start, it moves nothing. */
const STOP_MS = 3_000;

/**
 * Carries the spool into Postgres: batches in one transaction with the watermark, tried again until the ledger
 * has them. A batch whose commit is in doubt is simply sent again: rows that are there already move nothing.
 */
export class UsageWriter implements UsageCarrier {
  /** Everything before it was read and needs no writing any more. */
  #position: Position;
  /** Where the ledger's own watermark is: behind `position` by what holds no charge. */
  #watermark: Watermark;
  /** Told up to here: never twice, also when the ledger is found behind what it had. */
  #told: bigint;
  #due: Cancel | undefined;
  #running: Promise<void> | undefined;
  /** Ends the pause between two tries. */
  #resume: (() => void) | undefined;
  #isStopped = false;
  #lastError: unknown;

  constructor(readonly options: UsageWriterOptions) {
    this.#position = options.from;
    this.#watermark = options.from;
    this.#told = options.from.sequence;
  }

  /** What a next start reads on from. */
  get watermark(): Watermark {
    return this.#watermark;
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
        if (isBeyondWatermark(thrown)) await this.#goBack();
        await this.#pause(backoff);
        backoff = Math.min(backoff * 2, MOST_BACKOFF_MS);
      }
    }
  }

  /** False when there was nothing that may be written yet. */
  async #writeBatch(): Promise<boolean> {
    const from = this.#position;
    const { usages, gaps, next } = this.#read(from);
    if (next.sequence === from.sequence && next.segment === from.segment) return false;
    // Without a charge in it the watermark can wait, but not where the spool may delete a file behind it.
    if (usages.length > 0 || gaps.length > 0 || next.segment !== from.segment) {
      const { node } = this.options;
      const { epoch, sequence } = this.#watermark;
      await bookUsage(this.options, { node, epoch, from: sequence, to: next, usages, gaps });
      this.#watermark = { ...next, epoch };
    }
    this.#position = next;
    this.#tell(usages, next);
    return true;
  }

  #read(from: Position): SpoolBatch {
    const untold = Number(this.#told - from.sequence);
    return this.options.spool.read(from, untold > 0 ? Math.min(untold, BATCH_RECORDS) : BATCH_RECORDS);
  }

  /** The ledger has it: nothing that goes wrong here may send it again. */
  #tell(usages: readonly UsageEntry[], next: Position): void {
    const { spool, log, onBooked } = this.options;
    try {
      if (next.sequence > this.#told) {
        this.#told = next.sequence;
        for (const [tenant, charged] of chargesByTenant(usages)) onBooked?.(tenant, charged);
      }
      spool.release(next);
    } catch (thrown) {
      log.error("what the ledger has booked could not be released", { cause: String(thrown) });
    }
  }

  /** The ledger lacks what it had: it was put back, or the node was registered anew. */
  async #goBack(): Promise<void> {
    const { sql, node, log } = this.options;
    try {
      const watermark = await readWatermark(sql, node);
      log.error("the ledger is behind what it had of this node's spool; going back", {
        from: String(this.#watermark.sequence),
        to: String(watermark.sequence),
      });
      this.#watermark = watermark;
      this.#position = watermark;
    } catch (thrown) {
      log.error("the ledger does not say where it is", { cause: String(thrown) });
    }
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#resume = resolve;
    await atMost(this.options.clock, ms, promise);
    this.#resume = undefined;
  }
}
