import type { Cancel, Clock } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import { ASK_PAUSE_MOST_MS, ASK_PAUSE_MS, DENIAL_MS, MAX_WAITING, TROUBLE_MS } from "../limits.ts";
import { SpendMeter } from "./spend-meter.ts";

/** What a node holds of a quantity, and how it gets more. `now` is monotonic: the clock is read once for each call of a request. */
export interface HoldSource {
  available(now: number): bigint;
  /** Sets the amount aside if it is there. */
  hold(amount: bigint, now: number): boolean;
  /** One try to get more. Adds what was granted to `available` before it resolves. `isRetry`: the try before may have taken effect without our knowing. */
  ask(need: Need, isRetry: boolean): Promise<Granted>;
  /** True when a try whose answer was lost must be repeated until it is answered. */
  readonly isOwed: boolean;
  denial(affordable: bigint): SluiceError;
}

export interface Need {
  readonly need: bigint;
  readonly atLeast: bigint;
  readonly want: bigint;
}

export interface Granted {
  readonly granted: bigint;
  readonly affordable: bigint;
}

interface Waiter {
  readonly amount: bigint;
  readonly atLeast: bigint;
  readonly resolve: (held: bigint) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The line in front of one leased quantity. Who finds enough passes at once; the others wait while the owner
 * is asked, once for all of them. A denial stands for a quarter second, with what would still be affordable.
 */
export class HoldLine {
  readonly meter: SpendMeter;
  #waiting: Waiter[] = [];
  #isAsking = false;
  #deniedUntil = Number.NEGATIVE_INFINITY;
  #affordable = 0n;
  /** No refill ahead of need before: the last one brought little. */
  #refillAt = Number.NEGATIVE_INFINITY;
  /** The owner does not answer. */
  #isTroubled = false;
  #cancelPause: Cancel | undefined;
  #isClosed = false;

  constructor(
    readonly source: HoldSource,
    readonly clock: Clock,
  ) {
    this.meter = new SpendMeter(clock.monotonic());
  }

  /** True when nobody waits and nothing is under way. */
  get isQuiet(): boolean {
    return this.#waiting.length === 0 && !this.#isAsking;
  }

  /** The amount held: synchronously when it is there. Throws or rejects with the source's denial, or `overloaded`. */
  take(amount: bigint, atLeast: bigint, now: number): bigint | Promise<bigint> {
    if (this.#waiting.length === 0 && this.source.hold(amount, now)) {
      this.meter.held(amount, now);
      if (this.source.available(now) < this.meter.lowWater(now)) this.#refill(now);
      return amount;
    }
    if (now < this.#deniedUntil) {
      const most = this.source.available(now) + this.#affordable;
      if (atLeast > most) throw this.source.denial(most);
      if (this.#affordable === 0n && this.#waiting.length === 0) return this.#holdRest(now);
    }
    if (this.#isTroubled || this.#isClosed) throw unreachable();
    if (this.#waiting.length >= MAX_WAITING) {
      throw new SluiceError("overloaded", "Too many requests wait for the same lease.", {
        retryAfterMs: 500,
      });
    }
    return this.#wait(amount, atLeast);
  }

  /** Until the owner has answered. */
  #wait(amount: bigint, atLeast: bigint): Promise<bigint> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ amount, atLeast, resolve, reject });
      if (!this.#isAsking) this.#ask();
    });
  }

  /** Something became available: whoever waits may have it. */
  freed(): void {
    if (this.#waiting.length > 0) this.#serve();
  }

  /** Talks to the owner although nobody waits: there is something to tell, or a term to renew. */
  renew(): void {
    if (!this.#isAsking && !this.#isClosed) this.#ask();
  }

  /** What was denied may be allowed by now. */
  forgetDenial(): void {
    this.#deniedUntil = Number.NEGATIVE_INFINITY;
    this.#refillAt = Number.NEGATIVE_INFINITY;
  }

  /** Nothing more is asked for, and whoever waits is refused. An owed answer is still waited for. */
  stop(): void {
    this.#isClosed = true;
    this.#refuse(unreachable());
  }

  /** As `stop`, and nothing is waited for any more. */
  abandon(): void {
    this.stop();
    this.#cancelPause?.();
  }

  #holdRest(now: number): bigint {
    const rest = this.source.available(now);
    if (!this.source.hold(rest, now)) throw new Error("what is available could not be held");
    this.meter.held(rest, now);
    return rest;
  }

  #refill(now: number): void {
    if (this.#isAsking || this.#isClosed || now < this.#refillAt || now < this.#deniedUntil) return;
    this.#refillAt = now + DENIAL_MS;
    this.#ask();
  }

  #ask(): void {
    this.#isAsking = true;
    this.#try(this.clock.monotonic(), 0);
  }

  #try(since: number, tries: number): void {
    const need = this.#need();
    this.source.ask(need, tries > 0).then(
      (granted) => {
        this.#isAsking = false;
        this.#isTroubled = false;
        this.#concluded(need, granted);
      },
      (thrown: unknown) => this.#failed(thrown, since, tries),
    );
  }

  #need(): Need {
    const now = this.clock.monotonic();
    const available = this.source.available(now);
    let sum = 0n;
    let least: bigint | undefined;
    for (const { amount, atLeast } of this.#waiting) {
      sum += amount;
      if (least === undefined || atLeast < least) least = atLeast;
    }
    const need = most(0n, sum - available);
    const atLeast = need === 0n ? 0n : most(1n, (least ?? 0n) - available);
    return { need, atLeast, want: this.meter.want(need, now) };
  }

  #concluded(asked: Need, { granted, affordable }: Granted): void {
    if (asked.need > 0n && granted < asked.need) {
      this.#deniedUntil = this.clock.monotonic() + DENIAL_MS;
      this.#affordable = affordable;
    } else if (granted > 0n) {
      this.forgetDenial();
    }
    this.#serve();
    if (this.#waiting.length > 0 && !this.#isAsking && !this.#isClosed) this.#ask();
  }

  /** Lets pass who can, in order; refuses who cannot be helped while a denial stands. */
  #serve(): void {
    const now = this.clock.monotonic();
    const isDenied = now < this.#deniedUntil;
    const staying: Waiter[] = [];
    for (const waiter of this.#waiting) {
      const { amount, atLeast } = waiter;
      const available = this.source.available(now);
      if (this.source.hold(amount, now)) this.#pass(waiter, amount, now);
      else if (isDenied && atLeast > available + this.#affordable) {
        waiter.reject(this.source.denial(available + this.#affordable));
      } else if (isDenied && this.#affordable === 0n && this.source.hold(available, now)) {
        this.#pass(waiter, available, now);
      } else staying.push(waiter);
    }
    this.#waiting = staying;
  }

  #pass(waiter: Waiter, amount: bigint, now: number): void {
    this.meter.held(amount, now);
    waiter.resolve(amount);
  }

  #failed(thrown: unknown, since: number, tries: number): void {
    const now = this.clock.monotonic();
    // A conflict only says that messages overtook each other.
    const isAnswer = thrown instanceof SluiceError && thrown.code !== "conflict";
    if (isAnswer || now - since >= TROUBLE_MS) {
      this.#isTroubled = true;
      this.#refuse(unreachable(thrown));
    }
    if (this.#waiting.length === 0 && !this.source.isOwed) {
      this.#isAsking = false;
      this.#isTroubled = false;
      return;
    }
    const pauseMs = Math.min(ASK_PAUSE_MS * 2 ** tries, ASK_PAUSE_MOST_MS);
    this.#cancelPause = this.clock.after(pauseMs, () => this.#try(since, tries + 1));
  }

  #refuse(error: SluiceError): void {
    for (const waiter of this.#waiting.splice(0)) waiter.reject(error);
  }
}

/** The cause's own wish for a pause is handed on. */
function unreachable(cause?: unknown): SluiceError {
  const wished = cause instanceof SluiceError ? cause.detail.retryAfterMs : undefined;
  return new SluiceError("overloaded", "The owner of this limit does not answer at the moment.", {
    retryAfterMs: wished ?? 1_000,
    cause,
  });
}

const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);
