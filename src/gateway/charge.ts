import { type Clock, sleep } from "../core/clock.ts";
import type { GenerationRequest, Outcome } from "../core/generation.ts";
import type { NodeId, PriceId, RequestId, StreamId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import { add, least, type Micropoints, micropointsOf, ZERO } from "../core/points.ts";
import type { Usage } from "../core/usage.ts";
import type { VendorFailure } from "../core/vendor-failure.ts";
import type {
  AttemptRecord,
  IntentOwner,
  IntentRecord,
  ProgressRecord,
  UsageFlag,
  UsageOwner,
  UsageRecord,
} from "../ledger/records.ts";
import type { Admitted } from "./admission.ts";
import type { Attempt } from "./attempt.ts";
import type { Caller } from "./gateway.ts";
import { type Metered, NOTHING } from "./meter.ts";
import type { OpenCharge, OpenCharges } from "./open-charges.ts";
import type { Route } from "./routes.ts";
import type { Telemetry } from "./telemetry.ts";

/** Where charges are written down before a client may see the end of its answer. */
export interface ChargeSpool {
  /**
   * In the kernel's hands when it resolves; its owner is told before. Throws with `overloaded`, without telling it, or
   * rejects with that.
   */
  intent(record: IntentRecord, owner: IntentOwner): Promise<void>;
  progress(record: ProgressRecord): void;
  /** Resolves when the record is on disk; its owner is told before. */
  usage(record: UsageRecord, owner?: UsageOwner): Promise<void>;
}

/** Points set aside for one request; ends with exactly one of its two calls. */
export interface Hold {
  readonly amount: Micropoints;
  /** Takes the cost out of the hold and what is available beyond it; what is missing is the platform's loss. */
  settle(cost: Micropoints): { readonly charged: Micropoints; readonly loss: Micropoints };
  release(): void;
  /** After `settle`: what it charged will not be booked, so it is available again. */
  refund(charged: Micropoints): void;
}

export interface ChargePorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly node: NodeId;
  readonly region: string;
  readonly spool: ChargeSpool;
  readonly telemetry: Telemetry;
  readonly openCharges: OpenCharges;
}

/** How a request ended, as the one who ran it saw it. */
export interface Ending {
  readonly outcome: Outcome;
  readonly metered: Metered;
  readonly route: Route | undefined;
  readonly finishReason: string | null;
  readonly errorCode: string | null;
  /** Monotonic; undefined when nothing came. */
  readonly firstTokenAt: number | undefined;
}

/** Milliseconds between the tries to book what the disk refused, and how many: an hour to put it right. */
const BOOK_AGAIN_MS = 1_000;
const MOST_TRIES = 3_600;

/** How much of a vendor's own error code a receipt keeps. */
const VENDOR_CODE_CHARS = 200;

/** Milliseconds between the notes from which an interrupted stream would be charged after a crash. */
const PROGRESS_MS = 1_000;

/**
 * The money side of one request: INTENT when it is admitted, PROGRESS while it streams, USAGE when it ends.
 * Exactly one `settle` closes it; the hold and everything else taken for it is given back there.
 */
export class Charge implements OpenCharge, IntentOwner, UsageOwner {
  readonly attempts: AttemptRecord[] = [];
  /** What attempts consumed, by their position. */
  #parts: Map<number, { readonly metered: Metered; readonly price: PriceId | undefined }> | undefined;
  place = -1;
  readonly openedAt: number;
  /** Epoch milliseconds; decides by which hours' price it is charged. */
  readonly admittedAt: number;
  /** Whoever runs this request, once somebody does. */
  runner: { stop(): void } | undefined;
  /** What the tenant pays, once that is on disk. */
  charged = ZERO;
  #progressAt: number;
  #settled: UsageRecord | undefined;

  constructor(
    readonly ports: ChargePorts,
    readonly caller: Caller,
    readonly request: GenerationRequest,
    readonly requestId: RequestId,
    readonly streamId: StreamId | null,
    readonly hold: Hold,
    readonly flags: readonly UsageFlag[],
    readonly rates: Pick<Admitted, "release">,
  ) {
    this.openedAt = ports.clock.monotonic();
    this.admittedAt = ports.clock.now();
    this.#progressAt = this.openedAt;
  }

  /**
   * Writes the INTENT: from here on a crash leaves a trace.
   * @throws SluiceError `overloaded` (or rejects with it) when nothing can be booked: nothing may be bought then, and
   * all that was taken for the charge is given back
   */
  open(): Promise<void> {
    const { caller, request } = this;
    const intent: IntentRecord = {
      kind: "intent",
      id: this.requestId,
      tenant: caller.tenant,
      key: caller.key,
      tier: caller.tier,
      operation: request.operation,
      model: request.model,
      at: this.admittedAt,
      hold: this.hold.amount,
    };
    try {
      return this.ports.spool.intent(intent, this);
    } catch (thrown) {
      this.intentRefused();
      throw thrown;
    }
  }

  intentWritten(): void {
    this.ports.openCharges.add(this);
  }

  intentRefused(): void {
    this.hold.release();
    this.rates.release();
  }

  /** Ends whatever of this request is under way. */
  stop(): void {
    this.runner?.stop();
  }

  isProgressDue(): boolean {
    return this.ports.clock.monotonic() - this.#progressAt >= PROGRESS_MS;
  }

  /** Notes what a running stream has used and cost so far: what it would be charged if this process died now. */
  progress(route: Route, usage: Usage, cost: Micropoints): void {
    if (route.price === undefined) return;
    this.#progressAt = this.ports.clock.monotonic();
    this.ports.spool.progress({
      kind: "progress",
      id: this.requestId,
      tenant: this.caller.tenant,
      vendor: route.vendor.id,
      vendorModel: route.model,
      price: route.price.id,
      usage,
      cost: least(cost, this.hold.amount),
    });
  }

  /**
   * Takes the points and writes the record. Resolves when it is on disk: then `charged` tells what the tenant pays.
   * @throws what the spool threw: then the charge is not safe and the answer must not end as a normal one
   */
  settle(ending: Ending): Promise<void> {
    if (this.#settled !== undefined) throw new Error("a charge was settled twice");
    const { metered } = ending;
    const taken = this.hold.settle(metered.isBillable ? metered.cost : ZERO);
    const loss = add(metered.isBillable ? taken.loss : metered.cost, metered.lost ?? ZERO);
    this.rates.release(metered.usage);
    const record = this.#recordOf(ending, taken.charged, loss);
    this.#settled = record;
    this.#tell(record, ending);
    return this.ports.spool.usage(record, this);
  }

  usageWritten(): void {
    this.charged = this.#settled?.charged ?? ZERO;
    this.ports.openCharges.remove(this);
  }

  usageRefused(): void {
    if (this.#settled !== undefined) void this.#bookUnpaid(this.#settled);
  }

  /**
   * The disk refused the record: the request stays open until the disk takes one that says what it cost the
   * platform. The tenant pays nothing for an answer that was taken back.
   */
  async #bookUnpaid(charged: UsageRecord): Promise<void> {
    const { clock, spool, openCharges, log } = this.ports;
    const record = unpaid(charged);
    for (let tries = 1; tries <= MOST_TRIES; tries += 1) {
      await sleep(clock, BOOK_AGAIN_MS);
      try {
        await spool.usage(record);
        this.hold.refund(charged.charged);
        openCharges.remove(this);
        return;
      } catch (cause) {
        if (tries === MOST_TRIES) {
          log.error("a request stays in doubt until the next start", {
            request: record.id,
            cause: String(cause),
          });
        }
      }
    }
  }

  /** Settles a request that delivered nothing; its record closes the INTENT and needs no waiting for. Never throws. */
  settleUnserved(outcome: "failed" | "cancelled", errorCode: string, metered = NOTHING, route?: Route): void {
    if (this.#settled !== undefined) return;
    void this.#settleAlone({
      outcome,
      metered,
      route,
      finishReason: null,
      errorCode,
      firstTokenAt: undefined,
    });
  }

  async #settleAlone(ending: Ending): Promise<void> {
    try {
      await this.settle(ending);
    } catch (cause) {
      const fields = { request: this.requestId, cause: String(cause) };
      this.ports.log.error("a request that was not served could not be written to the spool", fields);
    }
  }

  /** Writes down one call of a vendor, for the receipt, and what it consumed of what is charged. */
  noteAttempt(
    attempt: Attempt,
    result: AttemptRecord["result"],
    failure?: VendorFailure,
    metered?: Metered,
  ): void {
    const { route, key, startedAt } = attempt;
    if (metered !== undefined) {
      this.#parts ??= new Map();
      this.#parts.set(this.attempts.length, { metered, price: route.price?.id });
    }
    this.attempts.push({
      vendor: route.vendor.id,
      vendorModel: route.model,
      keyId: key.id,
      startedMs: Math.round(startedAt - this.openedAt),
      durationMs: Math.round(this.ports.clock.monotonic() - startedAt),
      result,
      status: failure?.status ?? (result === "served" ? 200 : 0),
      errorCode: failure?.code ?? null,
      vendorCode: failure?.vendorCode?.slice(0, VENDOR_CODE_CHARS) ?? null,
    });
  }

  #recordOf(ending: Ending, charged: Micropoints, loss: Micropoints): UsageRecord {
    const { caller, request, ports } = this;
    const { route, metered } = ending;
    const now = ports.clock.monotonic();
    return {
      kind: "usage",
      id: this.requestId,
      tenant: caller.tenant,
      key: caller.key,
      tier: caller.tier,
      node: ports.node,
      region: ports.region,
      operation: request.operation,
      stream: this.streamId,
      model: request.model,
      vendor: route?.vendor.id ?? null,
      vendorModel: route?.model ?? null,
      at: this.admittedAt,
      durationMs: Math.round(now - this.openedAt),
      firstTokenMs:
        ending.firstTokenAt === undefined ? null : Math.round(ending.firstTokenAt - this.openedAt),
      outcome: ending.outcome,
      finishReason: ending.finishReason,
      errorCode: ending.errorCode,
      usage: metered.usage,
      price: route?.price?.id ?? null,
      charged,
      loss: micropointsOf(loss),
      attempts: this.#sharedOut(),
      flags: this.#flagsOf(metered, charged, loss),
    };
  }

  #flagsOf(metered: Metered, charged: Micropoints, loss: Micropoints): readonly UsageFlag[] {
    const isBeyondHold = charged > this.hold.amount;
    if (!isBeyondHold && loss <= 0n) {
      if (metered.flags.length === 0) return this.flags;
      if (this.flags.length === 0) return metered.flags;
    }
    const flags = [...this.flags, ...metered.flags];
    if (isBeyondHold) flags.push("beyond_hold");
    if (loss > 0n) flags.push("platform_loss");
    return flags;
  }

  /** The attempts; each with its part where several consumed something. */
  #sharedOut(): readonly AttemptRecord[] {
    const parts = this.#parts;
    if (parts === undefined || parts.size < 2) return this.attempts;
    return this.attempts.map((attempt, at) => {
      const part = parts.get(at);
      if (part === undefined) return attempt;
      const { price, metered } = part;
      return {
        ...attempt,
        usage: metered.usage,
        cost: metered.cost,
        ...(price === undefined ? {} : { price }),
      };
    });
  }

  #tell(record: UsageRecord, ending: Ending): void {
    const served = this.attempts.at(-1);
    this.ports.telemetry.generationEnded({
      operation: record.operation,
      tier: record.tier,
      vendor: record.vendor,
      model: record.model,
      region: ending.route?.vendor.region ?? record.region,
      outcome: record.outcome,
      usage: record.usage,
      cost: record.charged,
      loss: record.loss,
      vendorSeconds: ending.route === undefined || served === undefined ? null : served.durationMs / 1_000,
    });
  }
}

/** The record with all of its cost borne by the platform. */
function unpaid(record: UsageRecord): UsageRecord {
  const loss = add(record.charged, record.loss);
  const flags: readonly UsageFlag[] =
    loss > 0n ? [...new Set([...record.flags, "platform_loss" as const])] : record.flags;
  return { ...record, outcome: "failed", errorCode: "internal_error", charged: ZERO, loss, flags };
}
