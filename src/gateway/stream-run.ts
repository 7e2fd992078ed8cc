import type { Passage } from "../adapters/adapter.ts";
import type { Cancel } from "../core/clock.ts";
import { SluiceError } from "../core/errors.ts";
import type { VendorId } from "../core/ids.ts";
import { READER_STALL_MS } from "../core/limits.ts";
import { add } from "../core/points.ts";
import { NOT_YET, type NotYet } from "../core/poll.ts";
import { costOf } from "../core/price.ts";
import { isPlausible, plus, type Usage } from "../core/usage.ts";
import type { Writable } from "../core/writable.ts";
import type { Charge, ChargePorts } from "./charge.ts";
import type { Final, Started, StreamGeneration } from "./gateway.ts";
import { estimate, leastOutputTokens, type Metered, meter, NOTHING, sumOf, withLater } from "./meter.ts";
import { BY_CLIENT, BY_NODE, errorOf, outcomeOf, type StreamEnd } from "./outcome.ts";
import { likelyOutputTokens } from "./requests/prompt-tokens.ts";
import { pricedBy } from "./routes.ts";
import { hasMore, type Leg, type Standing } from "./takeover/leg.ts";
import type { Successor, Successors } from "./takeover/successors.ts";

/** The first vendor that serves. */
export interface Beginning {
  readonly leg: Leg;
  /** What was read of it before its first content was seen. */
  readonly primed: Passage[];
  /** What was consumed in vain before it served; absent: nothing. */
  readonly lost?: Metered | undefined;
}

/**
 * A generation that streams: hands on passages and, at the end, settles before it says that it is over. One vendor
 * gives it, or several in turn: a leg each.
 */
export class StreamRun implements StreamGeneration {
  readonly kind = "stream";
  readonly streamId;
  final: Final | undefined;
  #leg: Leg;
  /** Read ahead; handed out first. */
  readonly #ahead: Passage[];
  readonly #firstTokenAt: number;
  /** What the legs that are over consumed, and what was lost before; undefined: nothing yet. */
  #spent: Metered | undefined;
  /** All who gave a part, once they are several. */
  #vendors: VendorId[] | undefined;
  /** Tokens delivered by the legs that are over: at least, and likely. */
  #leastBefore = 0;
  #likelyBefore = 0;
  /** When the leg's vendor gave its first content, monotonic. */
  #legTokenAt: number;
  #isLegClosed = false;
  #isCancelled = false;
  /** The node stops: nobody asked for that. */
  #isStoppedHere = false;
  #succession: Promise<void> | undefined;
  #isSettling = false;
  #isSettled = false;
  /** Told when there may be a passage. */
  #waiting: (() => void) | undefined;
  /** Made once for all waits, and for all legs. */
  readonly #goOn = (): void => this.#wake();
  readonly #cancel = (): void => this.cancel();

  /**
   * The first leg's vendor serves: from here on the run owns its ticket and settles the charge, whoever reads it or not.
   * @param begun its own from here on
   * @param successors who may go on when a vendor dies; absent: nobody
   */
  constructor(
    readonly ports: ChargePorts,
    readonly charge: Charge,
    readonly started: Started,
    begun: Beginning,
    readonly successors: Successors | undefined,
  ) {
    if (charge.streamId === null) throw new Error("a stream runs without a stream id");
    this.streamId = charge.streamId;
    this.#leg = begun.leg;
    this.#ahead = begun.primed;
    this.#spent = begun.lost;
    this.#firstTokenAt = ports.clock.monotonic();
    this.#legTokenAt = this.#firstTokenAt;
    ports.telemetry.streamOpened();
    charge.runner = this;
    this.#begin();
  }

  /** The node stops. */
  stop(): void {
    this.#isStoppedHere = true;
    this.cancel();
  }

  poll(): Passage | null | NotYet {
    for (;;) {
      if (this.#ahead.length > 0) {
        const ahead = this.#ahead.shift();
        if (ahead !== undefined) return ahead;
      }
      if (this.#isSettled) return null;
      if (this.#isSettling || this.#succession !== undefined) return NOT_YET;
      const passage = this.#leg.poll();
      if (passage === NOT_YET) return NOT_YET;
      this.#look();
      if (passage === null) continue;
      if (this.charge.isProgressDue()) this.#tellProgress();
      if (hasMore(passage)) return passage;
    }
  }

  whenReady(run: () => void): void {
    this.#waiting = run;
    if (!this.#isSettling && this.#succession === undefined) this.#leg.whenReady(this.#goOn);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }

  whenStalled(run: () => void): Cancel {
    return this.ports.clock.after(READER_STALL_MS, run);
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#ahead.length = 0;
    this.#leg.vendor.cancel();
    this.successors?.stop();
    this.#look();
  }

  /** The leg has given its first content. */
  #begin(): void {
    const { vendor: stream } = this.#leg;
    const { attempt } = stream;
    const { vendor, model } = attempt.route;
    attempt.onReaderStalled = this.#cancel;
    const seconds = (this.#legTokenAt - attempt.startedAt) / 1_000;
    this.ports.telemetry.firstToken(vendor.id, model, vendor.region, seconds);
    if (this.#isCancelled) stream.cancel();
    this.#look();
  }

  /**
   * When the vendor has said its last, another one follows or the charge is settled: neither waits for a client that
   * reads slowly, or never.
   */
  #look(): void {
    const { end } = this.#leg.vendor;
    if (end === undefined || this.#isSettling || this.#succession !== undefined) return;
    const succession = this.#isCancelled ? undefined : this.#succeed(end);
    if (succession === undefined) this.#finish(end);
    else this.#succession = succession;
  }

  /** Undefined: nobody goes on. */
  #succeed(end: StreamEnd): Promise<void> | undefined {
    const { successors } = this;
    if (successors === undefined || end.by === "marker") return undefined;
    const leg = this.#leg;
    const { delivered, usage } = leg.vendor;
    const likely = this.#likelyBefore + likelyTokens(delivered);
    const standing = successors.standingOf(leg, end, likely);
    if (standing === undefined) return undefined;
    this.#leastBefore += leastOutputTokens(usage, delivered);
    this.#likelyBefore = likely;
    this.#closeLeg(end);
    return this.#findSuccessor(successors, standing, end);
  }

  /** The leg's vendor died; whoever can goes on. */
  async #findSuccessor(successors: Successors, standing: Standing, end: StreamEnd): Promise<void> {
    const leg = this.#leg;
    const { route } = leg.vendor.attempt;
    const failure = failureOf(end);
    this.ports.telemetry.attemptFailed({
      vendor: route.vendor.id,
      model: route.model,
      fault: failure.fault,
      code: failure.code,
    });
    const next = await successors.next(standing, this.#leastBefore, (part) => this.#spend(part));
    this.#succession = undefined;
    if (next === undefined) this.#finish(this.#isCancelled ? BY_CLIENT : end);
    else this.#follow(next, route.vendor.id);
    this.#wake();
  }

  #follow({ leg, primed }: Successor, before: VendorId): void {
    const { vendor, model } = leg.vendor.attempt.route;
    this.ports.telemetry.anotherVendor({ why: "takeover", vendor: vendor.id, model, serves: true });
    this.#ahead.push(...primed);
    this.#vendors ??= [before];
    this.#vendors.push(vendor.id);
    this.#leg = leg;
    this.#isLegClosed = false;
    this.#legTokenAt = this.ports.clock.monotonic();
    this.#begin();
  }

  /** One vendor's part is told as it is; a sum does not tell by which tier each of several served. */
  #spend(part: Metered): void {
    this.#spent = this.#spent === undefined ? part : sumOf([this.#spent, part], part.isBillable);
  }

  /** Nobody follows: what was held back of this vendor's words is shown, and the charge settled. */
  #finish(end: StreamEnd): void {
    const rest = this.#isCancelled ? undefined : this.#leg.rest();
    if (rest !== undefined) this.#ahead.push(rest);
    this.#isSettling = true;
    void this.#settle(end);
  }

  #tellProgress(): void {
    const { route } = this.#leg.vendor.attempt;
    const { charge } = this;
    const before = this.#spent;
    const now = this.#usedSoFar();
    const cost = costOf(pricedBy(route, charge.admittedAt), now);
    if (before === undefined) charge.progress(route, now, cost);
    else charge.progress(route, plus(before.usage, now), add(before.cost, cost));
  }

  #usedSoFar(): Usage {
    const { request, vendor } = this.#leg;
    const { usage } = vendor;
    if (usage === undefined || !isPlausible(usage)) return estimate(request, vendor.delivered);
    return withLater(usage, vendor.deliveredSinceUsage);
  }

  async #settle(end: StreamEnd): Promise<void> {
    const { charge } = this;
    const { attempt, finishReason } = this.#leg.vendor;
    const { route } = attempt;
    // Whoever named the reason for which it ended had said everything; only its usage is missing.
    const isWhole = this.successors !== undefined && end.by !== "client" && finishReason !== null;
    const last = this.#isStoppedHere && end.by === "client" ? BY_NODE : end;
    let outcome = isWhole ? "completed" : outcomeOf(last);
    let error = isWhole ? undefined : errorOf(last);
    this.ports.telemetry.streamClosed();
    this.#closeLeg(end);
    const spent = this.#spent ?? NOTHING;
    const isBillable = outcome !== "failed";
    const metered = spent.isBillable === isBillable ? spent : { ...spent, isBillable };
    try {
      await charge.settle({
        outcome,
        metered,
        route,
        finishReason,
        errorCode: error?.code ?? null,
        firstTokenAt: this.#firstTokenAt,
      });
    } catch (thrown) {
      this.ports.log.error("a stream's charge could not be written to the spool", {
        request: charge.requestId,
        cause: String(thrown),
      });
      outcome = "failed";
      error = new SluiceError("internal_error", "The answer could not be booked and is not valid.");
    }
    const final: Writable<Final> = {
      outcome,
      finishReason,
      usage: metered.usage,
      cost: charge.charged,
      vendor: route.vendor.id,
    };
    if (this.#vendors !== undefined) final.vendors = this.#vendors;
    if (error !== undefined) final.error = error;
    this.final = final;
    this.#isSettled = true;
    this.#wake();
  }

  /** Writes down what the leg consumed and how it went, and gives its place at the vendor back. Once a leg. */
  #closeLeg(end: StreamEnd): void {
    if (this.#isLegClosed) return;
    this.#isLegClosed = true;
    const { vendor, ticket, request } = this.#leg;
    const { attempt, usage: told, delivered, deliveredSinceUsage } = vendor;
    const price = pricedBy(attempt.route, this.charge.admittedAt);
    const metered = meter(price, request, told, delivered, outcomeOf(end), deliveredSinceUsage);
    this.#spend(metered);
    if (end.by === "marker") {
      this.charge.noteAttempt(attempt, "served", undefined, metered);
      const durationMs = this.ports.clock.monotonic() - attempt.startedAt;
      ticket.report({ ok: true, durationMs, firstTokenMs: this.#legTokenAt - attempt.startedAt });
    } else if (end.by === "client") {
      this.charge.noteAttempt(attempt, "cancelled", undefined, metered);
      ticket.report({ ok: "unknown" });
    } else {
      const failure = failureOf(end);
      this.charge.noteAttempt(attempt, "failed", failure, metered);
      ticket.report(attempt.wasImpatient ? { ok: "unknown" } : { ok: false, failure });
    }
    ticket.release();
  }
}

const likelyTokens = ({ frames, chars, reasoningChars }: Leg["vendor"]["delivered"]): number =>
  likelyOutputTokens(frames, chars + reasoningChars);

const failureOf = (end: StreamEnd) => (end.by === "clock" || end.by === "failure" ? end.failure : CUT);

const CUT = {
  fault: "vendor",
  code: "stream_truncated",
  status: 200,
  vendorCode: "cut",
  message: "The stream ended before its end marker.",
} as const;
