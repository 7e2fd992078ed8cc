import type { Tier } from "../core/catalog.ts";
import type { Clock } from "../core/clock.ts";
import { SluiceError } from "../core/errors.ts";

/** Keeps a node that has more to do than it can from falling over: it refuses early, the lowest tier first. */
export interface OverloadGate {
  /** Undefined: come in. One comparison, so that it can be asked for every request. */
  refusal(tier: Tier): SluiceError | undefined;
  readonly state: OverloadState;
  close(): void;
}

export interface OverloadState {
  /** Requests that may run at once, as the node has felt lately. */
  readonly limit: number;
  /** How late timers ran at the last look, in milliseconds. */
  readonly lagMs: number;
  /** Part of the memory that the process may have, 0 to 1. */
  readonly memory: number;
  readonly shed: Readonly<Record<Tier, number>>;
}

export interface OverloadPorts {
  readonly clock: Clock;
  /** Requests that run now. */
  inFlight(): number;
  /** 0 to 1, of what the process may have. */
  memory(): number;
}

/** How much of the limit each tier may fill: what is left above is for the tiers above. */
const SHARE: Readonly<Record<Tier, number>> = { test: 0.7, normal: 0.9, vip: 1 };

const LOOK_MS = 100;
/** Timers this late, so many times in a row, mean that requests wait for each other; one late timer means nothing. */
const MOST_LAG_MS = 60;
const LATE_IN_A_ROW = 3;
/** The garbage collector needs room, too. */
const MOST_MEMORY = 0.92;
/** Requests at once, however well the node feels: about 32 KiB each. */
export const MOST_IN_FLIGHT = 30_000;
/** However badly: so few are not what makes a node slow. */
const LEAST_IN_FLIGHT = 200;
/** Quickly down, slowly up, so that it does not swing. */
const SHRINK = 0.8;
const GROW = 1.02;
const RETRY_MS = 1_000;

/** Additive and multiplicative control of the requests in flight, by event-loop lag and memory. */
export function createOverloadGate({ clock, inFlight, memory }: OverloadPorts): OverloadGate {
  const shed: Record<Tier, number> = { test: 0, normal: 0, vip: 0 };
  let limit = MOST_IN_FLIGHT;
  let lagMs = 0;
  let late = 0;
  let used = 0;
  let expected = clock.monotonic() + LOOK_MS;

  const cancel = clock.every(LOOK_MS, () => {
    const now = clock.monotonic();
    lagMs = Math.max(0, now - expected);
    expected = now + LOOK_MS;
    late = lagMs >= MOST_LAG_MS ? late + 1 : 0;
    used = memory();
    if (late >= LATE_IN_A_ROW || used >= MOST_MEMORY) {
      limit = Math.max(LEAST_IN_FLIGHT, Math.min(limit, inFlight()) * SHRINK);
    } else {
      limit = Math.min(MOST_IN_FLIGHT, limit * GROW + 1);
    }
  });
  return {
    refusal(tier) {
      if (inFlight() < limit * SHARE[tier]) return undefined;
      shed[tier] += 1;
      return new SluiceError("overloaded", "This node has more to do than it can at the moment. Try again.", {
        retryAfterMs: RETRY_MS,
      });
    },
    get state() {
      return { limit: Math.floor(limit), lagMs, memory: used, shed };
    },
    close: cancel,
  };
}
