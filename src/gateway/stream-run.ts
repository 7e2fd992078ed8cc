import type { Passage } from "../adapters/adapter.ts";
import { SluiceError } from "../core/errors.ts";
import { MAX_FRAME_BYTES } from "../core/limits.ts";
import { ZERO } from "../core/points.ts";
import { isPlausible, type Usage } from "../core/usage.ts";
import type { Charge, ChargePorts } from "./charge.ts";
import type { Final, Started, StreamGeneration } from "./gateway.ts";
import { estimate, meter, withLater } from "./meter.ts";
import { errorOf, outcomeOf, type StreamEnd } from "./outcome.ts";
import { pricedBy } from "./routes.ts";
import type { Ticket } from "./vendor-desk.ts";
import type { VendorStream } from "./vendor-stream.ts";

/** A generation that streams: hands on passages and, at the end, settles before it says that it is over. */
export class StreamRun implements StreamGeneration {
  readonly kind = "stream";
  readonly streamId;
  final: Final | undefined;
  /** Read before the first content was seen; handed out first. */
  readonly #primed: Passage[] = [];
  #firstTokenAt: number | undefined;
  #ticket: Ticket | undefined;
  #settling: Promise<null> | undefined;

  constructor(
    readonly ports: ChargePorts,
    readonly charge: Charge,
    readonly started: Started,
    readonly vendor: VendorStream,
  ) {
    if (charge.streamId === null) throw new Error("a stream runs without a stream id");
    this.streamId = charge.streamId;
  }

  /** Reads until the first content or the end: up to here another vendor could still serve. */
  async prime(): Promise<void> {
    let bytes = 0;
    while (!this.vendor.hasContent) {
      const passage = await this.vendor.read();
      if (passage === null) return;
      if (passage.bytes !== undefined || passage.events.length > 0) this.#primed.push(passage);
      bytes += passage.bytes?.byteLength ?? 0;
      if (bytes > MAX_FRAME_BYTES && !this.vendor.hasContent) this.vendor.giveUp();
      if (this.vendor.end !== undefined) return;
    }
  }

  /** This vendor serves: from here on the run owns its ticket and settles the charge, whoever reads it or not. */
  begin(ticket: Ticket): this {
    this.#ticket = ticket;
    this.#firstTokenAt = this.ports.clock.monotonic();
    this.#tellFirstToken(this.#firstTokenAt);
    this.ports.telemetry.streamOpened();
    const stop = () => {
      this.cancel();
      this.#settling ??= this.#settle();
    };
    this.vendor.attempt.onReaderStalled = stop;
    this.charge.stop = stop;
    this.#settleIfOver();
    return this;
  }

  async next(): Promise<Passage | null> {
    const primed = this.#primed.shift();
    if (primed !== undefined) return primed;
    for (;;) {
      const passage = await this.vendor.read();
      this.#settleIfOver();
      if (passage === null) return this.#settling ?? null;
      if (this.charge.isProgressDue()) this.charge.progress(this.vendor.attempt.route, this.#usedSoFar());
      if (passage.bytes !== undefined || passage.events.length > 0) return passage;
    }
  }

  /** The vendor has said its last: what is charged does not wait for a client that reads slowly, or never. */
  #settleIfOver(): void {
    if (this.vendor.end !== undefined) this.#settling ??= this.#settle();
  }

  cancel(): void {
    this.#primed.length = 0;
    this.vendor.cancel();
  }

  #usedSoFar(): Usage {
    const { usage, delivered, deliveredSinceUsage } = this.vendor;
    if (usage === undefined || !isPlausible(usage)) return estimate(this.charge.request, delivered);
    return withLater(usage, deliveredSinceUsage);
  }

  async #settle(): Promise<null> {
    const { vendor, charge } = this;
    const end: StreamEnd = vendor.end ?? { by: "cut" };
    const { route } = vendor.attempt;
    const outcome = outcomeOf(end);
    const error = errorOf(end);
    const { usage: told, delivered, deliveredSinceUsage } = vendor;
    const price = pricedBy(route);
    const metered = meter(price, charge.request, told, delivered, outcome, deliveredSinceUsage);
    this.#close(end);
    const { finishReason } = vendor;
    const final = { finishReason, usage: metered.usage, vendor: route.vendor.id };
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
    return null;
  }

  #close(end: StreamEnd): void {
    const { attempt } = this.vendor;
    this.ports.telemetry.streamClosed();
    if (end.by === "marker") {
      this.charge.noteAttempt(attempt, "served");
      const durationMs = this.ports.clock.monotonic() - attempt.startedAt;
      const firstTokenMs =
        this.#firstTokenAt === undefined ? undefined : this.#firstTokenAt - attempt.startedAt;
      this.#ticket?.report({ ok: true, durationMs, firstTokenMs });
    } else if (end.by === "client") {
      this.charge.noteAttempt(attempt, "cancelled");
      this.#ticket?.report({ ok: "unknown" });
    } else {
      const failure = end.by === "cut" ? CUT : end.failure;
      this.charge.noteAttempt(attempt, "failed", failure);
      this.#ticket?.report({ ok: false, failure });
    }
    this.#ticket?.release();
  }

  #tellFirstToken(at: number): void {
    const { attempt } = this.vendor;
    const { vendor, model } = attempt.route;
    this.ports.telemetry.firstToken(vendor.id, model, vendor.region, (at - attempt.startedAt) / 1_000);
  }
}

const CUT = {
  fault: "vendor",
  code: "stream_truncated",
  status: 200,
  vendorCode: "cut",
  message: "The stream ended before its end marker.",
} as const;
