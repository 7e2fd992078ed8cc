import type { Cancel, Clock } from "../src/core/clock.ts";

/**
 * One process of the simulated cluster. Time goes on without it: while it is paused its timers and everything that
 * comes from outside wait, once it is killed nothing reaches it any more.
 */
export class Process {
  readonly clock: Clock;
  #state: "running" | "paused" | "dead" = "running";
  readonly #waiting: (() => void)[] = [];
  readonly #endings: (() => void)[] = [];

  constructor(readonly world: Clock) {
    this.clock = {
      now: () => world.now(),
      monotonic: () => world.monotonic(),
      after: (ms, run) => world.after(ms, () => this.deliver(run)),
      soon: (run) => world.soon(() => this.deliver(run)),
      every: (ms, run) => this.#every(ms, run),
    };
  }

  get isRunning(): boolean {
    return this.#state === "running";
  }

  get isDead(): boolean {
    return this.#state === "dead";
  }

  /** Runs now, or when the process runs again, or never. */
  deliver(run: () => void): void {
    if (this.#state === "running") run();
    else if (this.#state === "paused") this.#waiting.push(run);
  }

  /** What happens outside, as the process comes to know of it. */
  reach<Value>(happening: Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      happening.then(
        (value) => this.deliver(() => resolve(value)),
        (thrown: unknown) => this.deliver(() => reject(thrown)),
      );
    });
  }

  /** The same, given up by this process after `ms`. After a pause that was longer the timer wins, as in an event loop. */
  reachWithin<Value>(ms: number, happening: Promise<Value>, tooLate: () => Error): Promise<Value> {
    return new Promise((resolve, reject) => {
      const cancel = this.clock.after(ms, () => reject(tooLate()));
      const settle = (run: () => void): void =>
        this.deliver(() => {
          queueMicrotask(() => {
            cancel();
            run();
          });
        });
      happening.then(
        (value) => settle(() => resolve(value)),
        (thrown: unknown) => settle(() => reject(thrown)),
      );
    });
  }

  pause(): void {
    if (this.#state === "running") this.#state = "paused";
  }

  resume(): void {
    if (this.#state !== "paused") return;
    this.#state = "running";
    for (const run of this.#waiting.splice(0)) this.deliver(run);
  }

  kill(): void {
    this.#state = "dead";
    this.#waiting.length = 0;
    for (const run of this.#endings.splice(0)) run();
  }

  /** What the world notices when the process dies: its connections close. */
  atEnd(run: () => void): void {
    this.#endings.push(run);
  }

  /** A timer that fell due many times meanwhile runs once. */
  #every(ms: number, run: () => void): Cancel {
    let isDue = false;
    const cancel = this.world.every(ms, () => {
      if (this.isDead) cancel();
      if (isDue || this.isDead) return;
      isDue = true;
      this.deliver(() => {
        isDue = false;
        run();
      });
    });
    return cancel;
  }
}
