import { TIERS, type Tier } from "../core/catalog.ts";
import type { Clock } from "../core/clock.ts";
import { SluiceError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { OverloadSettings } from "../core/overload-settings.ts";

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
  /** Tiers that are refused at this moment. */
  readonly refusing: readonly Tier[];
  readonly shed: Readonly<Record<Tier, number>>;
}

export interface OverloadPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: OverloadSettings;
  /** Requests that run now, those being admitted included. */
  inFlight(): number;
  /** 0 to 1, of what the process may have. */
  memory(): number;
}

/** How much of the limit each tier may fill: what is left above is for the tiers above. */
const SHARE: Readonly<Record<Tier, number>> = { test: 0.7, normal: 0.85, vip: 1 };
/** Memory in use from which a tier is refused. The garbage collector needs room, and vip the last of it. */
const MOST_MEMORY: Readonly<Record<Tier, number>> = { test: 0.85, normal: 0.9, vip: 0.95 };
/** So much less must be in use before the tier is let in again. */
const MEMORY_SLACK = 0.03;
/** The lowest tiers shall come back last. */
const RETRY_MS: Readonly<Record<Tier, number>> = { test: 4_000, normal: 2_000, vip: 1_000 };

const LOOK_MS = 100;
/** Late looks in a row that mean overload; one late timer means nothing (garbage was collected). */
const LATE_IN_A_ROW = 3;
/** Looks in a row with less than half of the lag after which more is let in. In between nothing changes. */
const WELL_IN_A_ROW = 10;
/** A look: from where `test` is refused it takes four of them to `normal`, and seven to `vip`. */
const SHRINK = 0.95;
/** Slowly up, so that it does not swing. */
const GROW = 1.02;
/** How long nobody must have been refused until the log says that it is over. */
const QUIET_MS = 10_000;

/**
 * Additive and multiplicative control of the requests in flight by event-loop lag; memory, which does not come back as
 * requests end, refuses by thresholds. Whatever happens, `minInFlight` may run.
 */
export const createOverloadGate = (ports: OverloadPorts): OverloadGate => new Gate(ports);

class Gate implements OverloadGate {
  readonly #shed: Record<Tier, number> = { test: 0, normal: 0, vip: 0 };
  /** Requests in flight from which a tier is refused: what is asked for each request. */
  readonly #full: Record<Tier, number>;
  readonly #isShort: Record<Tier, boolean> = { test: false, normal: false, vip: false };
  readonly #cancel: () => void;
  #limit: number;
  #lagMs = 0;
  #memory = 0;
  #late = 0;
  #well = 0;
  #expected: number;
  #shedBefore = 0;
  /** Since when nobody was refused; undefined while the log holds no word of a refusal that is not over. */
  #quietSince: number | undefined;

  constructor(readonly ports: OverloadPorts) {
    const { clock, settings } = ports;
    this.#limit = settings.maxInFlight;
    this.#full = { test: 0, normal: 0, vip: 0 };
    this.#divide();
    this.#expected = clock.monotonic() + LOOK_MS;
    this.#cancel = clock.every(LOOK_MS, () => this.#look());
  }

  refusal(tier: Tier): SluiceError | undefined {
    if (this.ports.inFlight() < this.#full[tier]) return undefined;
    this.#shed[tier] += 1;
    return new SluiceError("overloaded", "This node has more to do than it can at the moment. Try again.", {
      retryAfterMs: RETRY_MS[tier],
    });
  }

  get state(): OverloadState {
    const inFlight = this.ports.inFlight();
    return {
      limit: Math.floor(this.#limit),
      lagMs: this.#lagMs,
      memory: this.#memory,
      refusing: TIERS.filter((tier) => inFlight >= this.#full[tier]),
      shed: { ...this.#shed },
    };
  }

  close(): void {
    this.#cancel();
  }

  #look(): void {
    const { clock, settings, memory } = this.ports;
    const now = clock.monotonic();
    this.#lagMs = Math.max(0, now - this.#expected);
    this.#expected = now + LOOK_MS;
    this.#memory = memory();
    this.#late = this.#lagMs >= settings.lagMs ? this.#late + 1 : 0;
    this.#well = this.#lagMs < settings.lagMs / 2 ? this.#well + 1 : 0;
    if (this.#late >= LATE_IN_A_ROW) this.#shrink();
    else if (this.#well >= WELL_IN_A_ROW) this.#grow();
    this.#divide();
    this.#tell(now);
  }

  /** First to where the lowest tier is refused, then a step each time it has not helped. */
  #shrink(): void {
    const { settings, inFlight } = this.ports;
    const lowest = inFlight() / SHARE.test;
    this.#limit = Math.max(settings.minInFlight, Math.min(this.#limit, lowest) * SHRINK);
  }

  #grow(): void {
    this.#limit = Math.min(this.ports.settings.maxInFlight, this.#limit * GROW + 1);
  }

  #divide(): void {
    const { minInFlight } = this.ports.settings;
    for (const tier of TIERS) {
      const most = MOST_MEMORY[tier];
      this.#isShort[tier] = this.#memory >= (this.#isShort[tier] ? most - MEMORY_SLACK : most);
      const limit = this.#isShort[tier] ? Math.min(minInFlight, this.#limit) : this.#limit;
      this.#full[tier] = Math.max(1, limit * SHARE[tier]);
    }
  }

  /** Once when it begins, once when it is over. */
  #tell(now: number): void {
    const { log, inFlight } = this.ports;
    const shed = TIERS.reduce((sum, tier) => sum + this.#shed[tier], 0);
    if (shed > this.#shedBefore) {
      if (this.#quietSince === undefined) {
        log.warn("more to do than this node can: requests are refused, the lowest tier first", {
          lag_ms: Math.round(this.#lagMs),
          memory_percent: Math.round(this.#memory * 100),
          running: inFlight(),
          limit: Math.floor(this.#limit),
        });
      }
      this.#quietSince = now;
      this.#shedBefore = shed;
    } else if (this.#quietSince !== undefined && now - this.#quietSince >= QUIET_MS) {
      this.#quietSince = undefined;
      log.info("nobody was refused for ten seconds", { refused_so_far: shed });
    }
  }
}
