import type { NodeId } from "../../core/ids.ts";
import { Breaker, type BreakerState, type Results } from "../health/breaker.ts";
import { CoolDowns } from "../health/cool-downs.ts";
import { HealthDelta } from "../health/health-delta.ts";
import { LatencyHistogram } from "../health/latency-histogram.ts";
import { SmoothedMean } from "../health/smoothed-mean.ts";
import type { HealthReport, MergedHealth } from "../vendor-protocol.ts";
import type { Observation, VendorView } from "./leases.ts";

/** A first token later than this is slow, whatever the vendor. */
const SLOW_MS = 20_000;

/** While the owner's word keeps requests away, it is asked again when nothing was heard for this long. */
const UNHEARD_MS = 1_000;

/** How long news without trouble gather: latencies and successes change no decision of this second. */
const GOOD_NEWS_MS = 5_000;

/** Figures of a view may be this old; a breaker's state and keys are always those of now. */
const FIGURES_MS = 100;

/** What one request tells the breaker. */
const SERVED: Results = { successes: 1, failures: 0, trailing: 0, slow: 0 };
const SLOW: Results = { ...SERVED, slow: 1 };
const FAILED: Results = { successes: 0, failures: 1, trailing: 1, slow: 0 };

/** One vendor as this node sees it: its own experience, and what the owner last told of everyone's. */
export class VendorRecord {
  readonly #breaker = new Breaker();
  readonly #coolDowns = new CoolDowns();
  readonly #firstToken: LatencyHistogram;
  readonly #latency = new SmoothedMean();
  readonly #delta = new HealthDelta();
  #merged: MergedHealth | undefined;
  /** The last of the owner's probes that this node sent. */
  #probed = 0;
  #heardAt = 0;
  #reportedAt = Number.NEGATIVE_INFINITY;
  #hasAsked = false;
  #isReporting = false;
  #view: VendorView | undefined;
  #viewUntil = 0;

  constructor(
    readonly node: NodeId,
    now: number,
  ) {
    this.#firstToken = new LatencyHistogram(now);
  }

  view(now: number): VendorView {
    if (this.#view !== undefined && now < this.#viewUntil) return this.#view;
    this.#view = this.#makeView(now);
    this.#viewUntil = Math.min(this.#breaker.changesAt, this.#coolDowns.changesAt, now + FIGURES_MS);
    return this.#view;
  }

  /** False: no key is set aside, whatever the time. */
  get hasCooling(): boolean {
    return Number.isFinite(this.#coolDowns.changesAt);
  }

  cooling(now: number): ReadonlySet<string> {
    return this.#coolDowns.cooling(now);
  }

  /** Nothing keeps requests away, whatever the time. */
  get isOpenToAll(): boolean {
    const isClosedForAll = this.#merged === undefined || this.#merged.state === "closed";
    return isClosedForAll && !Number.isFinite(this.#breaker.changesAt);
  }

  begin(now: number): boolean {
    if (this.#mayBegin(now)) return true;
    if (!this.#delta.wantsProbe) this.#delta.wantsProbe = true;
    return false;
  }

  observe(key: string, observation: Observation, now: number): void {
    if (observation.ok === "unknown") {
      this.#endedWithoutResult();
      return;
    }
    const before = this.#breaker.state(now);
    if (observation.ok) this.#served(key, observation.durationMs, observation.firstTokenMs, now);
    else this.#failed(key, observation, now);
    if (this.#breaker.state(now) !== before) this.#viewUntil = 0;
  }

  /** What to tell the owner; undefined when there is nothing, or the last report is still on its way. */
  takeReport(now: number): HealthReport | undefined {
    const isHeldBack = this.#merged !== undefined && this.#merged.state !== "closed";
    // A node that has just begun asks what the others know.
    const isUnheard = !this.#hasAsked || (isHeldBack && now - this.#heardAt >= UNHEARD_MS);
    const isDue = isHeldBack || this.#delta.isTroubling || now - this.#reportedAt >= GOOD_NEWS_MS;
    if (this.#isReporting || (!isUnheard && (this.#delta.isEmpty || !isDue))) return undefined;
    this.#isReporting = true;
    this.#reportedAt = now;
    this.#hasAsked = true;
    return this.#delta.take(this.node);
  }

  /** The owner's answer to a report; undefined when it did not answer. */
  reported(view: MergedHealth | undefined, now: number): void {
    this.#isReporting = false;
    this.#merged = undefined;
    this.#viewUntil = 0;
    if (view !== undefined) this.learn(view, now);
  }

  /** An owner that is a new one numbers its views anew; only its direct answer makes it known. */
  learn(view: MergedHealth, now: number): void {
    if (this.#merged !== undefined && view.version < this.#merged.version) return;
    this.#merged = view;
    this.#heardAt = now;
    for (const { key, ms } of view.cooling) this.#coolDowns.adopt(key, ms, now);
    this.#viewUntil = 0;
  }

  #endedWithoutResult(): void {
    this.#breaker.recordNothing();
    if (this.#merged?.probe?.id === this.#probed) this.#delta.endedProbe = true;
  }

  #mayBegin(now: number): boolean {
    const merged = this.#merged;
    if (merged?.state === "open") return false;
    if (merged?.state === "half_open") {
      const { probe } = merged;
      if (probe === null || probe.node !== this.node || probe.id === this.#probed) return false;
      if (!this.#breaker.begin(now)) return false;
      this.#probed = probe.id;
      return true;
    }
    return this.#breaker.begin(now);
  }

  #served(key: string, durationMs: number, firstTokenMs: number | undefined, now: number): void {
    const isSlow = firstTokenMs !== undefined && firstTokenMs > SLOW_MS;
    this.#breaker.record(isSlow ? SLOW : SERVED, now);
    this.#latency.add(durationMs);
    if (firstTokenMs !== undefined) this.#firstToken.add(firstTokenMs, now);
    this.#coolDowns.succeeded(key);
    this.#delta.succeeded(durationMs, firstTokenMs, isSlow);
  }

  #failed(key: string, { failure }: Observation & { readonly ok: false }, now: number): void {
    const coolMs = this.#coolDowns.failed(key, failure, now);
    if (coolMs > 0) {
      this.#delta.cooled(key, coolMs);
      this.#viewUntil = 0;
    }
    switch (failure.fault) {
      case "vendor":
        this.#breaker.record(FAILED, now);
        this.#delta.failed();
        return;
      case "request":
        // It was there, and it answered.
        this.#breaker.record(SERVED, now);
        this.#delta.answered();
        return;
      case "key":
      case "account":
      case "config":
        this.#endedWithoutResult();
        return;
    }
  }

  #makeView(now: number): VendorView {
    const merged = this.#merged;
    const { requests, errors } = this.#breaker.counts(now);
    const own = requests === 0 ? 0 : errors / requests;
    return {
      state: worse(this.#breaker.state(now), merged?.state ?? "closed"),
      firstTokenMs: merged?.firstTokenMs ?? this.#ownFirstToken(now),
      latencyMs: merged?.latencyMs ?? this.#latency.value,
      errorRatio: Math.max(own, merged?.errorRatio ?? 0),
      cooling: this.#coolDowns.cooling(now),
    };
  }

  #ownFirstToken(now: number): VendorView["firstTokenMs"] {
    const p50 = this.#firstToken.quantile(0.5, now);
    const p95 = this.#firstToken.quantile(0.95, now);
    return p50 === undefined || p95 === undefined ? undefined : { p50, p95 };
  }
}

function worse(a: BreakerState, b: BreakerState): BreakerState {
  if (a === "open" || b === "open") return "open";
  return a === "half_open" || b === "half_open" ? "half_open" : "closed";
}
