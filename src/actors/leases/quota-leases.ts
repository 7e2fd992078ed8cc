import { SluiceError } from "../../core/errors.ts";
import type { VendorId } from "../../core/ids.ts";
import { VENDOR } from "../vendor-protocol.ts";
import type { QuotaLeases, QuotaTaken, RateDenied } from "./leases.ts";
import type { LeasePorts } from "./ports.ts";
import type { SliceLease, SlicePeriod, SliceSubject } from "./slice-lease.ts";
import { SliceLeases } from "./slice-leases.ts";

/**
 * This node's slices of vendors' daily quotas.
 *
 * @example
 * const quotas = createQuotaLeases({ node, clock, random, log, bus, ask: host.ask, counter });
 * const taken = quotas.take(vendor, 1_000_000);        // or a Promise
 * if (taken.ok) taken.undo();                          // only when the call did not happen
 * await quotas.drain(2_000);                           // before the host stops
 */
export const createQuotaLeases = (ports: LeasePorts): QuotaLeases => new NodeQuotas(ports);

/** Between a day's end and the next there is no more exact time to name. */
const LONGEST_RETRY_MS = 86_400_000;

class NodeQuotas implements QuotaLeases {
  readonly #slices: SliceLeases<VendorId, number>;

  constructor(readonly ports: LeasePorts) {
    this.#slices = new SliceLeases(ports, subjectOf);
  }

  take(vendor: VendorId, dailyQuota: number): QuotaTaken | RateDenied | Promise<QuotaTaken | RateDenied> {
    const now = this.ports.clock.monotonic();
    const lease = this.#slices.lease(vendor, vendor, dailyQuota, now);
    try {
      const held = lease.line.take(1n, 1n, now);
      const isHit = typeof held === "bigint";
      this.ports.counter?.lease("vendor", isHit ? "hit" : "miss");
      return isHit ? taken(lease, now) : takenLater(lease, held);
    } catch (thrown) {
      return denied(thrown);
    }
  }

  drain(deadlineMs: number): Promise<void> {
    return this.#slices.drain(deadlineMs);
  }
}

function taken(lease: SliceLease, now: number): QuotaTaken {
  const { period } = lease;
  lease.settle(period, 1n, 1n, now);
  return new Call(lease, period);
}

async function takenLater(lease: SliceLease, holding: Promise<bigint>): Promise<QuotaTaken | RateDenied> {
  try {
    await holding;
  } catch (thrown) {
    return denied(thrown);
  }
  return taken(lease, lease.ports.clock.monotonic());
}

/** One of a day's calls. */
class Call implements QuotaTaken {
  readonly ok = true;

  constructor(
    readonly lease: SliceLease,
    readonly period: SlicePeriod,
  ) {}

  undo(): void {
    this.lease.unuse(this.period, 1n);
  }
}

function denied(thrown: unknown): RateDenied {
  if (!(thrown instanceof SluiceError)) throw thrown;
  const { limit: state, retryAfterMs } = thrown.detail;
  if (state === undefined || retryAfterMs === undefined) throw thrown;
  return { ok: false, state, retryAfterMs };
}

const subjectOf = (vendor: VendorId, dailyQuota: number): SliceSubject => ({
  owner: { kind: VENDOR, key: vendor },
  subject: vendor,
  whole: BigInt(dailyQuota),
  period: "day",
  denial(_, endsInMs) {
    const resetMs = Math.ceil(Math.min(endsInMs, LONGEST_RETRY_MS));
    return new SluiceError("rate_limit_exceeded", "The vendor's quota of the day is used up.", {
      limit: { name: "vendor", limit: dailyQuota, remaining: 0, resetMs },
      retryAfterMs: resetMs,
    });
  },
});
