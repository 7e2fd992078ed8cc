import type { Cancel, Clock } from "../core/clock.ts";

/** A request that was admitted and is not settled. */
export interface OpenCharge {
  /** Monotonic milliseconds. */
  readonly openedAt: number;
  /** Ends the request from outside; it settles by itself then. */
  stop(): void;
}

/** The requests that run on this node right now: what a stopping node waits for, and what reconciliation counts. */
export class OpenCharges {
  /** In the order of their opening. */
  readonly #open = new Set<OpenCharge>();
  #drained: (() => void) | undefined;

  constructor(readonly clock: Clock) {}

  get count(): number {
    return this.#open.size;
  }

  /** How long the oldest one runs; 0 when none does. */
  get oldestMs(): number {
    for (const { openedAt } of this.#open) return this.clock.monotonic() - openedAt;
    return 0;
  }

  add(charge: OpenCharge): void {
    this.#open.add(charge);
  }

  remove(charge: OpenCharge): void {
    this.#open.delete(charge);
    if (this.#open.size === 0) this.#drained?.();
  }

  /**
   * Resolves when no request runs any more: those that still do after `deadlineMs` are stopped, and waited for
   * `settleMs` more. Answers how many had to be stopped.
   */
  async drain(deadlineMs: number, settleMs: number): Promise<number> {
    await this.#empty(deadlineMs);
    const stopped = this.#open.size;
    for (const charge of this.#open) charge.stop();
    await this.#empty(settleMs);
    return stopped;
  }

  #empty(deadlineMs: number): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      let cancel: Cancel = () => {};
      const done = () => {
        cancel();
        this.#drained = undefined;
        resolve();
      };
      cancel = this.clock.after(deadlineMs, done);
      this.#drained = done;
    });
  }
}
