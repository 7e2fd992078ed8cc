import type { Passage } from "../adapters/adapter.ts";
import type { Cancel } from "../core/clock.ts";
import { SluiceError } from "../core/errors.ts";
import type { VendorId } from "../core/ids.ts";
import { READER_STALL_MS } from "../core/limits.ts";
import { add, ZERO } from "../core/points.ts";
import { NOT_YET, type NotYet } from "../core/poll.ts";
import { costOf } from "../core/price.ts";
import { isPlausible, plus, type Usage } from "../core/usage.ts";
import type { Charge, ChargePorts } from "./charge.ts";
import type { Final, Started, StreamGeneration } from "./gateway.ts";
import { estimate, leastOutputTokens, type Metered, meter, sumOf, withLater } from "./meter.ts";
import { errorOf, outcomeOf, type StreamEnd } from "./outcome.ts";
import { likelyOutputTokens } from "./requests/prompt-tokens.ts";
import { pricedBy } from "./routes.ts";
import { hasMore, type Leg } from "./takeover/leg.ts";
import type { Successors } from "./takeover/successors.ts";

/**
 * A generation that streams: hands on passages and, at the end, settles before it says that it is over. One vendor
 * gives it, or several in turn: a leg each.
 */
export class StreamRun implements StreamGeneration {
  readonly kind = "stream";
  readonly streamId;
  final: Final | undefined;
  /** Read ahead; handed out first. */
  readonly #ahead: Passage[];
  readonly #firstTokenAt: number;
  /** What the legs that are over consumed. */
  readonly #spent: Metered[] = [];
  readonly #vendors: VendorId[] = [];
  /** Tokens delivered by the legs that are over: at least, and likely. */
  #delivered = { least: 0, likely: 0 };
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
  /** Made once for all waits. */
  readonly #goOn = (): void => this.#wake();

  /**
   * The first leg's vendor serves: from here on the run owns its ticket and settles the charge, whoever reads it or not.
   * @param primed what was read of it before its first content was seen
   * @param lost what was consumed in vain before it served
   * @param successors who may go on when a vendor dies; absent: nobody
   */
  constructor(
    readonly ports: ChargePorts,
    readonly charge: Charge,
    readonly started: Started,
    private leg: Leg,
    primed: readonly Passage[],
    readonly successors: Successors | undefined,
    lost: readonly Metered[] = [],
  ) {
    if (charge.streamId === null) throw new Error("a stream runs without a stream id");
    this.streamId = charge.streamId;
    this.#ahead = [...primed];
    this.#spent.push(...lost);
    this.#firstTokenAt = ports.clock.monotonic();
    this.#legTokenAt = this.#firstTokenAt;
    ports.telemetry.streamOpened();
    charge.stop = () => {
      this.#isStoppedHere = true;
      this.cancel();
    };
    this.#begin(leg);
  }

  poll(): Passage | null | NotYet {
    for (;;) {
      if (this.#ahead.length > 0) {
        const ahead = this.#ahead.shift();
        if (ahead !== undefined) return ahead;
      }
      if (this.#isSettled) return null;
      if (this.#isSettling || this.#succession !== undefined) return NOT_YET;
      const passage = this.leg.poll();
      if (passage === NOT_YET) return NOT_YET;
      this.#look();
      if (passage === null) continue;
      if (this.charge.isProgressDue()) this.#tellProgress();
      if (hasMore(passage)) return passage;
    }
  }

  whenReady(run: () => void): void {
    this.#waiting = run;
    if (!this.#isSettling && this.#succession === undefined) this.leg.whenReady(this.#goOn);
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
    this.leg.vendor.cancel();
    this.successors?.stop();
    this.#look();
  }

  #begin(leg: Leg): void {
    const { attempt } = leg.vendor;
    const { vendor, model } = attempt.route;
    this.leg = leg;
    this.#isLegClosed = false;
    this.#legTokenAt = this.ports.clock.monotonic();
    this.#vendors.push(vendor.id);
    attempt.onReaderStalled = () => this.cancel();
    const seconds = (this.#legTokenAt - attempt.startedAt) / 1_000;
    this.ports.telemetry.firstToken(vendor.id, model, vendor.region, seconds);
    if (this.#isCancelled) leg.vendor.cancel();
    this.#look();
  }

  /**
   * When the vendor has said its last, another one follows or the charge is settled: neither waits for a client that
   * reads slowly, or never.
   */
  #look(): void {
    const { end } = this.leg.vendor;
    if (end === undefined || this.#isSettling || this.#succession !== undefined) return;
    const succession = this.#isCancelled ? undefined : this.#succeed(end);
    if (succession === undefined) this.#finish(end);
    else this.#succession = succession;
  }

  /** Undefined: nobody goes on. */
  #succeed(end: StreamEnd): Promise<void> | undefined {
    const { leg, successors } = this;
    const { delivered, usage } = leg.vendor;
    const likely = this.#delivered.likely + likelyTokens(delivered);
    const standing = successors?.standingOf(leg, end, likely);
    if (successors === undefined || standing === undefined) return undefined;
    const least = this.#delivered.least + leastOutputTokens(usage, delivered);
    this.#delivered = { least, likely };
    this.#closeLeg(end);
    const { route } = leg.vendor.attempt;
    const failure = failureOf(end);
    this.ports.telemetry.attemptFailed({
      vendor: route.vendor.id,
      model: route.model,
      fault: failure.fault,
      code: failure.code,
    });
    return successors
      .next(standing, least, (part) => this.#spent.push(part))
      .then((next) => {
        this.#succession = undefined;
        if (next !== undefined) {
          const { vendor, model } = next.leg.vendor.attempt.route;
          this.ports.telemetry.anotherVendor({ why: "takeover", vendor: vendor.id, model, serves: true });
          this.#ahead.push(...next.primed);
          this.#begin(next.leg);
        } else this.#finish(this.#isCancelled ? { by: "client" } : end);
        this.#wake();
      });
  }

  /** Nobody follows: what was held back of this vendor's words is shown, and the charge settled. */
  #finish(end: StreamEnd): void {
    const rest = this.#isCancelled ? undefined : this.leg.rest();
    if (rest !== undefined) this.#ahead.push(rest);
    this.#isSettling = true;
    void this.#settle(end).then(() => {
      this.#isSettled = true;
      this.#wake();
    });
  }

  #tellProgress(): void {
    const { route } = this.leg.vendor.attempt;
    const now = this.#usedSoFar();
    const { usage, cost } = sumOf(this.#spent, true);
    this.charge.progress(
      route,
      plus(usage, now),
      add(cost, costOf(pricedBy(route, this.charge.admittedAt), now)),
    );
  }

  #usedSoFar(): Usage {
    const { usage, delivered, deliveredSinceUsage } = this.leg.vendor;
    if (usage === undefined || !isPlausible(usage)) return estimate(this.leg.request, delivered);
    return withLater(usage, deliveredSinceUsage);
  }

  async #settle(end: StreamEnd): Promise<void> {
    const { charge, leg } = this;
    const { route } = leg.vendor.attempt;
    // Whoever named the reason for which it ended had said everything; only its usage is missing.
    const isWhole = this.successors !== undefined && end.by !== "client" && leg.vendor.finishReason !== null;
    const last = this.#isStoppedHere && end.by === "client" ? STOPPED : end;
    const outcome = isWhole ? "completed" : outcomeOf(last);
    const error = isWhole ? undefined : errorOf(last);
    this.ports.telemetry.streamClosed();
    this.#closeLeg(end);
    const metered = sumOf(this.#spent, outcome !== "failed");
    const { finishReason } = leg.vendor;
    const vendors = this.#vendors.length > 1 ? { vendors: this.#vendors } : {};
    const final = { finishReason, usage: metered.usage, vendor: route.vendor.id, ...vendors };
    try {
      const errorCode = error?.code ?? null;
      const ending = { outcome, metered, route, finishReason, errorCode, firstTokenAt: this.#firstTokenAt };
      const cost = await charge.settle(ending);
      this.final = { ...final, outcome, cost, ...(error === undefined ? {} : { error }) };
    } catch (thrown) {
      this.ports.log.error("a stream's charge could not be written to the spool", {
        request: charge.requestId,
        cause: String(thrown),
      });
      const unbooked = new SluiceError("internal_error", "The answer could not be booked and is not valid.");
      this.final = { ...final, outcome: "failed", cost: ZERO, error: unbooked };
    }
  }

  /** Writes down what the leg consumed and how it went, and gives its place at the vendor back. Once a leg. */
  #closeLeg(end: StreamEnd): void {
    if (this.#isLegClosed) return;
    this.#isLegClosed = true;
    const { vendor, ticket, request } = this.leg;
    const { attempt, usage: told, delivered, deliveredSinceUsage } = vendor;
    const price = pricedBy(attempt.route, this.charge.admittedAt);
    const metered = meter(price, request, told, delivered, outcomeOf(end), deliveredSinceUsage);
    this.#spent.push(metered);
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

const STOPPED = { by: "node" } as const;

const CUT = {
  fault: "vendor",
  code: "stream_truncated",
  status: 200,
  vendorCode: "cut",
  message: "The stream ended before its end marker.",
} as const;
