import type { Bus, Subscription } from "../../bus/bus.ts";
import type { MessageLog } from "../../bus/message-log.ts";
import type { Cancel, Clock } from "../../core/clock.ts";
import type { NodeId, TenantId } from "../../core/ids.ts";
import type { Log } from "../../core/log.ts";
import type { Micropoints } from "../../core/points.ts";
import { atMost } from "../at-most.ts";
import { chargesByTenant } from "../book-usage.ts";
import type { Sql } from "../database.ts";
import type { UsageEntry } from "../records.ts";
import type { Position } from "../spool/position.ts";
import type { Spool } from "../spool/spool.ts";
import type { UsageCarrier } from "../usage-carrier.ts";
import { readWatermark, type Watermark } from "../watermark.ts";
import { cutBatch } from "./cut-batch.ts";
import { noticeOf } from "./notice.ts";
import { noticeSubject, usageSubject } from "./subjects.ts";

export interface UsageShipperOptions {
  readonly sql: Sql;
  readonly spool: Spool;
  readonly node: NodeId;
  readonly messages: MessageLog;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  /** How far the ledger already is. */
  readonly from: Watermark;
  /** Told what was booked, once for each record of this node's spool. */
  readonly onBooked?: (tenant: TenantId, charged: Micropoints) => void;
}

/** What a shipper did since it started. */
export interface ShipperCounts {
  /** Batches that the log has taken. */
  batchesSent: number;
  recordsSent: number;
  beganAnew: number;
}

/** A batch that was sent and is not in the ledger yet, as far as is known here. */
interface Outstanding {
  readonly to: Position;
  readonly usages: readonly UsageEntry[];
  isInLog: boolean;
}

/** Batches under way at once: while one is booked the next is on its way, and 4 × 600 kB is all that is kept of them. */
const WINDOW = 4;

/** How long records gather before they are sent, unless somebody waits for them. */
const GATHER_MS = 50;

/** How long a window that is not empty waits for more. */
const REFILL_MS = 5;

/** How often the ledger itself is asked while something is outstanding: a notice may be lost. */
const LOOK_MS = 1_000;

/**
 * When the ledger stands still this long although the log took everything, it is sent again; doubled up to the most.
 * Longer than an owner, or a leader of the stream, takes to be replaced.
 */
const FIRST_PATIENCE_MS = 10_000;
const MOST_PATIENCE_MS = 60_000;

/** After a refusal, of the log or of an applier, nothing is sent for this long; doubled up to the most. */
const FIRST_BACKOFF_MS = 50;
const MOST_BACKOFF_MS = 2_000;

/** How soon a flush looks again for what was just being synced to the disk. */
const FLUSH_LOOK_MS = 5;

/** How long a stop waits for an answer of the ledger. */
const STOP_MS = 3_000;

/**
 * Carries the spool into the log of usage, from which appliers book it. The log is only a way: what it lost is sent
 * again, and only the ledger's own watermark releases files of the spool and tells purses what was booked.
 */
export class UsageShipper implements UsageCarrier {
  readonly counts: ShipperCounts = { batchesSent: 0, recordsSent: 0, beganAnew: 0 };
  /** The next that will be read. */
  #read: Position;
  /** Everything before it is in the ledger, or holds nothing for it; purses were told. */
  #position: Position;
  /** The ledger's watermark as last heard of. */
  #watermark: Watermark;
  /** Where the next batch has to begin for the ledger to take it. */
  #sentTo: bigint;
  /** Counts the times that sending began anew. */
  #flight = 0;
  #outstanding: Outstanding[] = [];
  #due: Cancel | undefined;
  #pause: Cancel | undefined;
  #backoff = FIRST_BACKOFF_MS;
  #patience = FIRST_PATIENCE_MS;
  /** When the ledger last moved, or something was sent after a rest (monotonic). */
  #movedAt = 0;
  #looking: Promise<void> | undefined;
  #moved = Promise.withResolvers<void>();
  #isStopped = false;
  #lastError: unknown;
  readonly #looks: Cancel;
  readonly #notices: Subscription;

  constructor(readonly options: UsageShipperOptions) {
    const { from, clock, bus, node } = options;
    this.#read = from;
    this.#position = from;
    this.#watermark = from;
    this.#sentTo = from.sequence;
    this.#looks = clock.every(LOOK_MS, () => this.#look());
    this.#notices = bus.subscribe(noticeSubject(node), (payload) => this.#hear(payload));
  }

  /** Everything before it is committed in the ledger. */
  get position(): Position {
    return this.#position;
  }

  get lag(): number {
    return Number(this.options.spool.end.sequence - this.#position.sequence);
  }

  get lastError(): unknown {
    return this.#lastError;
  }

  wake(): void {
    this.#wakeIn(GATHER_MS);
  }

  #wakeIn(ms: number): void {
    if (this.#isStopped || this.#due !== undefined) return;
    this.#due = this.options.clock.after(ms, () => this.#send());
  }

  async flush(timeoutMs: number): Promise<void> {
    const { spool, clock } = this.options;
    const target = spool.end.sequence;
    const deadline = clock.monotonic() + timeoutMs;
    while (this.#position.sequence < target) {
      if (this.#isStopped) throw new Error("the usage shipper was stopped");
      const left = deadline - clock.monotonic();
      if (left <= 0) throw new Error(`the ledger did not take the usage records within ${timeoutMs} ms`);
      if (this.#outstanding.length === 0) this.#send();
      else this.#refill();
      if (this.#position.sequence >= target) break;
      await atMost(clock, Math.min(left, FLUSH_LOOK_MS), this.#moved.promise);
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#due?.();
    this.#pause?.();
    this.#looks();
    this.#notices.close();
    this.#moved.resolve();
    if (this.#looking !== undefined) await atMost(this.options.clock, STOP_MS, this.#looking);
  }

  /** Sends what is there now, as far as the window goes. What does not fit goes when the ledger has moved. */
  #send(): void {
    this.#due?.();
    this.#due = undefined;
    if (this.#isStopped || this.#pause !== undefined) return;
    try {
      while (this.#outstanding.length < WINDOW && this.#sendNext());
    } catch (thrown) {
      this.#fail(thrown);
    }
    this.#settle();
  }

  /**
   * The window has room. Whoever waits for nothing else is served at once; else an applier in this process may begin
   * its next batch first, and the spool is read while Postgres is at work.
   */
  #refill(): void {
    if (this.#outstanding.length === 0) this.#send();
    else this.#wakeIn(REFILL_MS);
  }

  /** False when there is nothing more that may be sent yet. */
  #sendNext(): boolean {
    const start = this.#read;
    const { node, spool, messages } = this.options;
    const batch = cutBatch(spool, start, this.#position.sequence, messages.maxBytes, {
      node,
      epoch: this.#watermark.epoch,
      flight: this.#flight,
      from: this.#nextFrom(start),
    });
    if (batch === undefined) return false;
    const { to, usages, message } = batch;
    this.#read = to;
    if (message === undefined) return true;
    const outstanding: Outstanding = { to, usages, isInLog: false };
    if (this.#outstanding.length === 0) this.#movedAt = this.options.clock.monotonic();
    this.#outstanding.push(outstanding);
    if (to.sequence <= this.#watermark.sequence) return this.#settle(); // came by an earlier flight
    this.#sentTo = to.sequence;
    this.#append(message, outstanding, usages.length);
    return true;
  }

  /** Behind `start` by what holds no charge; at `start` where that lies before the watermark. */
  #nextFrom({ sequence }: Position): bigint {
    if (this.#sentTo < sequence) return this.#sentTo;
    return sequence;
  }

  #append(message: Uint8Array, outstanding: Outstanding, records: number): void {
    const flight = this.#flight;
    this.options.messages.append(usageSubject(this.options.node), message).then(
      () => {
        outstanding.isInLog = true;
        this.counts.batchesSent += 1;
        this.counts.recordsSent += records;
      },
      (thrown: unknown) => {
        if (flight === this.#flight) this.#fail(thrown);
      },
    );
  }

  /** Takes note of what the ledger has: tells purses, releases files. Only here. */
  #settle(): true {
    const before = this.#position.sequence;
    for (;;) {
      const [oldest] = this.#outstanding;
      if (oldest === undefined || oldest.to.sequence > this.#watermark.sequence) break;
      this.#outstanding.shift();
      this.#book(oldest);
    }
    // What was read since holds nothing for the ledger.
    if (this.#outstanding.length === 0 && this.#read.sequence > this.#position.sequence)
      this.#position = this.#read;
    if (this.#position.sequence > before) this.#goOn();
    return true;
  }

  #book({ to, usages }: Outstanding): void {
    // Sent again because the ledger was found behind what it had: nobody is told twice.
    if (to.sequence <= this.#position.sequence) return;
    this.#position = to;
    for (const [tenant, charged] of chargesByTenant(usages)) {
      try {
        this.options.onBooked?.(tenant, charged);
      } catch (thrown) {
        this.options.log.error("a purse could not be told what was booked", { cause: String(thrown) });
      }
    }
  }

  #goOn(): void {
    const { spool, log, clock } = this.options;
    try {
      spool.release(this.#position);
    } catch (thrown) {
      log.error("what the ledger has booked could not be released", { cause: String(thrown) });
    }
    if (this.#lastError !== undefined) log.info("usage records reach the ledger again");
    this.#lastError = undefined;
    this.#movedAt = clock.monotonic();
    this.#backoff = FIRST_BACKOFF_MS;
    this.#patience = FIRST_PATIENCE_MS;
    this.#moved.resolve();
    this.#moved = Promise.withResolvers<void>();
  }

  #hear(payload: unknown): void {
    const notice = noticeOf(payload);
    if (notice === undefined || this.#isStopped || !this.#isOurs(notice.watermark)) return;
    const { isApplied, flight, watermark } = notice;
    if (watermark.sequence > this.#watermark.sequence) this.#watermark = watermark;
    this.#settle();
    if (!isApplied && flight === this.#flight) {
      // The one case in which the ledger may be behind what it was.
      this.#watermark = watermark;
      this.#fail(new Error(`the ledger lacks usage from ${watermark.sequence} on`));
      return;
    }
    this.#refill();
  }

  /** False for what was written under another opening of this spool, or can only be somebody else's. */
  #isOurs({ epoch, sequence }: Watermark): boolean {
    return epoch === this.#watermark.epoch && sequence <= this.options.spool.end.sequence;
  }

  /** Sends nothing for a while, then begins anew at what the ledger has. */
  #fail(thrown: unknown): void {
    this.#note(thrown);
    this.#beginAnew();
    this.#pause?.();
    this.#pause = this.options.clock.after(this.#backoff, () => {
      this.#pause = undefined;
      this.#send();
    });
    this.#backoff = Math.min(this.#backoff * 2, MOST_BACKOFF_MS);
  }

  #note(thrown: unknown): void {
    if (this.#lastError === undefined) {
      this.options.log.error("usage records do not reach the ledger; trying again", {
        cause: String(thrown),
      });
    }
    this.#lastError = thrown;
  }

  #beginAnew(): void {
    const [watermark, position] = [this.#watermark, this.#position];
    this.#flight += 1;
    this.counts.beganAnew += 1;
    this.#outstanding = [];
    this.#sentTo = watermark.sequence;
    this.#read = watermark.sequence < position.sequence ? watermark : position;
    this.#movedAt = this.options.clock.monotonic();
  }

  /** Asks the ledger itself while something is outstanding, and sends again what it ought to have by now. */
  #look(): void {
    if (this.#outstanding.length === 0) {
      // INTENTs and notes wake nobody.
      this.#send();
      return;
    }
    this.#looking ??= this.#ask()
      .catch((thrown: unknown) => {
        // While the ledger is away it cannot move: no reason to send anything again.
        this.#movedAt = this.options.clock.monotonic();
        this.#note(thrown);
      })
      .finally(() => {
        this.#looking = undefined;
      });
  }

  async #ask(): Promise<void> {
    const { sql, node, clock, log } = this.options;
    const watermark = await readWatermark(sql, node);
    if (this.#isStopped) return;
    if (!this.#isOurs(watermark)) {
      throw new Error("the ledger counts another opening of this spool: is the node's name used twice?");
    }
    if (watermark.sequence > this.#watermark.sequence) this.#watermark = watermark;
    this.#settle();
    const isInLog = this.#outstanding.every((each) => each.isInLog);
    if (this.#outstanding.length > 0 && isInLog && clock.monotonic() - this.#movedAt >= this.#patience) {
      log.warn("the ledger does not have usage that the log has taken; sending it again", {
        from: String(watermark.sequence),
      });
      this.#watermark = watermark;
      this.#beginAnew();
      this.#patience = Math.min(this.#patience * 2, MOST_PATIENCE_MS);
    }
    this.#send();
  }
}
