import type { NodeId } from "../../core/ids.ts";
import type { HealthReport, MergedHealth } from "../vendor-protocol.ts";
import { Breaker } from "./breaker.ts";
import { CoolDowns } from "./cool-downs.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import { SmoothedMean } from "./smoothed-mean.ts";

/** A probe that was granted and of which nothing was heard. */
const PROBE_LOST_MS = 60_000;

/** What all nodes together saw of one vendor. */
export class MergedVendor {
  readonly #breaker = new Breaker();
  readonly #firstToken: LatencyHistogram;
  readonly #latency = new SmoothedMean();
  readonly #coolDowns = new CoolDowns();
  #probe: { readonly node: NodeId; readonly since: number } | undefined;
  #version = 0;
  #shown = "";

  constructor(
    readonly vendor: string,
    now: number,
  ) {
    this.#firstToken = new LatencyHistogram(now);
  }

  /** True when there is nothing in it that would be missed. */
  isUneventful(now: number): boolean {
    return this.#breaker.state(now) === "closed" && this.#coolDowns.cooling(now).size === 0;
  }

  merge(report: HealthReport, now: number): void {
    const { node, successes, failures, firstToken, durations, cooling, wantsProbe, endedProbe } = report;
    for (const [bucket, count] of firstToken) this.#firstToken.addTo(bucket, count, now);
    if (durations.count > 0) this.#latency.add(durations.sumMs / durations.count, durations.count);
    for (const { key, ms } of cooling) this.#coolDowns.adopt(key, ms, now);
    this.#breaker.record(report, now);
    if (this.#probe?.node === node && (endedProbe || successes + failures > 0)) this.#probe = undefined;
    if (this.#probe !== undefined && now - this.#probe.since > PROBE_LOST_MS) this.#probe = undefined;
    const state = this.#breaker.state(now);
    if (state !== "half_open") this.#probe = undefined;
    else if (wantsProbe && this.#probe === undefined) {
      this.#probe = { node, since: now };
    }
  }

  view(now: number): MergedHealth {
    const { requests, errors } = this.#breaker.counts(now);
    const p50 = this.#firstToken.quantile(0.5, now);
    const p95 = this.#firstToken.quantile(0.95, now);
    return {
      vendor: this.vendor,
      version: this.#version,
      state: this.#breaker.state(now),
      errorRatio: requests === 0 ? 0 : errors / requests,
      requests,
      firstTokenMs: p50 === undefined || p95 === undefined ? null : { p50, p95 },
      latencyMs: this.#latency.value ?? null,
      cooling: this.#coolDowns.remaining(now),
      probe: this.#probe === undefined ? null : { node: this.#probe.node, id: this.#probe.since },
    };
  }

  /** The view if it differs notably from the one that was shown last. */
  changedView(now: number): MergedHealth | undefined {
    const view = this.view(now);
    const keys = view.cooling.map(({ key }) => key).sort();
    const figures = [view.errorRatio.toFixed(2), view.firstTokenMs, notable(view.latencyMs)];
    const shown = JSON.stringify([view.state, view.probe, keys, figures]);
    if (shown === this.#shown) return undefined;
    this.#shown = shown;
    this.#version += 1;
    return { ...view, version: this.#version };
  }
}

/** Latency to about a tenth: smaller changes are no news. */
const notable = (ms: number | null): number =>
  ms === null ? -1 : Math.round(Math.log(Math.max(ms, 1)) * 10);
