import type { Cancel, Clock } from "../core/clock.ts";
import { type Member, Roster } from "../core/roster.ts";

/** Something that must not last beyond a moment. The owner moves `dueAt` as the work goes on. */
export interface Deadline extends Member {
  /** Monotonic milliseconds. */
  dueAt: number;
  /** Called once, at most SCAN_MS late. */
  expire(): void;
}

/** How often deadlines are looked at: the shortest clock that is configured in practice is a second. */
export const SCAN_MS = 50;

/**
 * One timer for all deadlines of the node: arming, moving and disarming cost nothing but a field, where a
 * timer each would cost two calls into the runtime for every token.
 */
export class Deadlines {
  readonly #armed = new Roster<Deadline>();
  #stop: Cancel | undefined;

  constructor(readonly clock: Clock) {}

  arm(deadline: Deadline): void {
    this.#armed.add(deadline);
    this.#stop ??= this.clock.every(SCAN_MS, () => this.#scan());
  }

  disarm(deadline: Deadline): void {
    this.#armed.delete(deadline);
  }

  close(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#armed.clear();
  }

  #scan(): void {
    const now = this.clock.monotonic();
    for (const deadline of this.#armed) {
      if (deadline.dueAt > now) continue;
      this.#armed.delete(deadline);
      deadline.expire();
    }
    if (this.#armed.size === 0) {
      this.#stop?.();
      this.#stop = undefined;
    }
  }
}
