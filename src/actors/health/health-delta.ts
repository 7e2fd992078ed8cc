import type { NodeId } from "../../core/ids.ts";
import type { HealthReport } from "../vendor-protocol.ts";
import { bucketOf } from "./latency-histogram.ts";

/** What this node saw of one vendor since it last told the owner. */
export class HealthDelta {
  wantsProbe = false;
  endedProbe = false;
  #successes = 0;
  #failures = 0;
  #trailing = 0;
  #slow = 0;
  #sumMs = 0;
  #count = 0;
  readonly #firstToken = new Map<number, number>();
  readonly #cooling = new Map<string, number>();

  get isEmpty(): boolean {
    return (
      this.#successes + this.#failures + this.#cooling.size === 0 && !this.wantsProbe && !this.endedProbe
    );
  }

  /** True when others should know at once. */
  get isTroubling(): boolean {
    const { wantsProbe, endedProbe } = this;
    return wantsProbe || endedProbe || this.#failures + this.#slow + this.#cooling.size > 0;
  }

  succeeded(durationMs: number, firstTokenMs: number | undefined, isSlow: boolean): void {
    this.#successes += 1;
    this.#trailing = 0;
    this.#sumMs += durationMs;
    this.#count += 1;
    if (isSlow) this.#slow += 1;
    if (firstTokenMs === undefined) return;
    const bucket = bucketOf(firstTokenMs);
    this.#firstToken.set(bucket, (this.#firstToken.get(bucket) ?? 0) + 1);
  }

  /** The vendor answered, but not with a generation: nothing is known about its speed. */
  answered(): void {
    this.#successes += 1;
    this.#trailing = 0;
  }

  failed(): void {
    this.#failures += 1;
    this.#trailing += 1;
  }

  cooled(key: string, ms: number): void {
    this.#cooling.set(key, ms);
  }

  /** Everything since the last call. */
  take(node: NodeId): HealthReport {
    const report: HealthReport = {
      node,
      successes: this.#successes,
      failures: this.#failures,
      trailing: this.#trailing,
      slow: this.#slow,
      firstToken: [...this.#firstToken],
      durations: { sumMs: this.#sumMs, count: this.#count },
      cooling: [...this.#cooling].map(([key, ms]) => ({ key, ms })),
      wantsProbe: this.wantsProbe,
      endedProbe: this.endedProbe,
    };
    this.wantsProbe = false;
    this.endedProbe = false;
    this.#successes = 0;
    this.#failures = 0;
    this.#trailing = 0;
    this.#slow = 0;
    this.#sumMs = 0;
    this.#count = 0;
    this.#firstToken.clear();
    this.#cooling.clear();
    return report;
  }
}
