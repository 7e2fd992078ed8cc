import type { Clock } from "../core/clock.ts";
import { type Member, Roster } from "../core/roster.ts";

/** A request that was admitted and is not settled. */
export interface OpenCharge extends Member {
  /** Monotonic milliseconds. */
  readonly openedAt: number;
  /** Ends the request from outside; it settles by itself then. */
  stop(): void;
}

/** The requests that run on this node right now: what a stopping node waits for, and what reconciliation counts. */
export class OpenCharges {
  readonly #open = new Roster<OpenCharge>();
  #idle: PromiseWithResolvers<void> | undefined;

  /** Requests on their way to be open: being admitted and written down. */
  arriving = 0;

  constructor(readonly clock: Clock) {}

  /** All that this node has to do. */
  get inFlight(): number {
    return this.#open.size + this.arriving;
  }

  get count(): number {
    return this.#open.size;
  }

  /** How long the oldest one runs; 0 when none does. */
  get oldestMs(): number {
    const now = this.clock.monotonic();
    let since = now;
    for (const { openedAt } of this.#open) since = Math.min(since, openedAt);
    return now - since;
  }

  add(charge: OpenCharge): void {
    this.#open.add(charge);
  }

  remove(charge: OpenCharge): void {
    this.#open.delete(charge);
    if (this.#open.size > 0) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  /** Resolves when no request runs any more. */
  whenIdle(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    this.#idle ??= Promise.withResolvers();
    return this.#idle.promise;
  }

  /** Stops every request that runs; each settles by itself. Answers how many there were. */
  stopAll(): number {
    const running = [...this.#open];
    for (const charge of running) charge.stop();
    return running.length;
  }
}
