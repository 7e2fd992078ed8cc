import type { Clock } from "../core/clock.ts";
import type { LimitState } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { LoneBucket } from "./lone-bucket.ts";
import type { Redis } from "./redis.ts";
import { Slices } from "./slices.ts";
import { type BucketSize, type Draw, drawTokens } from "./token-bucket.ts";

export interface GlobalLimiterPorts {
  readonly redis: Redis;
  readonly clock: Clock;
  readonly log: Log;
  /** The same on all nodes: which limit it is, also as clients are told. */
  readonly name: string;
  /** Live nodes, this one included: what the limit is split by while Redis is away. Absent: it is not split. */
  nodes?(): number;
  /** Microseconds instead of Redis' own time: for tests and simulations. */
  redisTime?(): number;
}

/**
 * One limit of all nodes together. Fits `RateLeases.take`'s results.
 *
 * All nodes take from one token bucket in Redis, each a slice ahead of need: about 75 ms of what is asked of it. In any
 * window of w seconds they admit together at most `burst + qps · w` and what they held in slices when it began: of each
 * node at most two slices, none older than a second. What is not used by then is lost; a node of which little is asked
 * draws one token at a time.
 *
 * While Redis is away, or does not answer, each node counts by itself: an equal part of the limit. That costs at most
 * one more burst each time. When Redis has lost the bucket, it begins full: one more burst, too.
 *
 * @example
 * const limiter = createGlobalLimiter({ redis, clock, log, name: "global", nodes: () => peers.live().size });
 * const taken = limiter.take({ qps: 100, burst: 200 }); // or a Promise, when Redis must be asked
 * if (!taken.ok) throw rateLimited(taken.state, taken.retryAfterMs);
 */
export interface GlobalLimiter {
  /**
   * One request.
   * @param limit that of this moment, the same on all nodes, and the same object while it stays as it is
   * @param now the clock's monotonic time
   */
  take(limit: GlobalLimit, now?: number): GlobalTaken | GlobalDenied | Promise<GlobalTaken | GlobalDenied>;
  /** For metrics. */
  readonly counts: GlobalCounts;
}

export interface GlobalLimit {
  /** Requests a second. */
  readonly qps: number;
  /** Absent: one second's worth, at least 1. */
  readonly burst?: number;
}

export interface GlobalTaken {
  readonly ok: true;
  /** What was left then, and how the limit stood. */
  readonly remaining: number;
  readonly state: LimitState;
  /** A rate has no slots to free. */
  release(): void;
  /** The request did not happen after all: the token can be used by another. */
  undo(): void;
}

export interface GlobalDenied {
  readonly ok: false;
  readonly state: LimitState;
  readonly retryAfterMs: number;
}

export interface GlobalCounts {
  readonly admitted: number;
  readonly denied: number;
  /** Admitted while this node counted by itself. */
  readonly admittedAlone: number;
  /** Round trips. */
  readonly draws: number;
  /** This node counts by itself at the moment. */
  readonly isAlone: boolean;
}

/** How much demand a slice covers: some tens of round trips, and too little to matter to others. */
const SLICE_MS = 75;
/** How long a slice may be used, from before it was asked for. */
const KEPT_MS = 1_000;
/** Requests that wait for one round trip; beyond them it takes too long. */
const MOST_WAITING = 10_000;
/** How often a node that counts by itself looks whether Redis answers again. */
const PROBE_MS = 1_000;
/** How much the last draw's pace counts against those before. */
const NEWER = 0.5;

export const createGlobalLimiter = (ports: GlobalLimiterPorts): GlobalLimiter => new SharedLimit(ports);

type Result = GlobalTaken | GlobalDenied;

class SharedLimit implements GlobalLimiter {
  readonly counts = { admitted: 0, denied: 0, admittedAlone: 0, draws: 0, isAlone: false };
  readonly #slices = new Slices();
  readonly #lone = new LoneBucket();
  readonly #key: string;
  #waiting: ((result: Result) => void)[] = [];
  #isDrawing = false;
  /** Takes a millisecond, smoothed. */
  #pace = 0;
  #takes = 0;
  #drawnAt: number;
  /** There was no token in Redis: nobody asks again before. */
  #emptyUntil = Number.NEGATIVE_INFINITY;
  #probeAt = Number.NEGATIVE_INFINITY;
  /** Left in Redis when it was last asked. */
  #leftThere = 0;
  #limit: GlobalLimit | undefined;
  #size: BucketSize = { qps: 1, burst: 1 };

  constructor(readonly ports: GlobalLimiterPorts) {
    // In braces: one slot of a Redis Cluster, whatever is added to the name.
    this.#key = `sluice:limit:{${ports.name}}`;
    this.#drawnAt = ports.clock.monotonic();
  }

  take(limit: GlobalLimit, now = this.ports.clock.monotonic()): Result | Promise<Result> {
    if (limit !== this.#limit) this.#change(limit);
    this.#takes += 1;
    if (this.counts.isAlone) return this.#takeAlone(now);
    if (this.#waiting.length === 0) {
      const taken = this.#takeHeld(now);
      if (taken !== undefined) {
        this.#drawAhead(now);
        return taken;
      }
      if (now < this.#emptyUntil) return this.#deny(this.#emptyUntil - now, now);
    }
    return this.#waiting.length >= MOST_WAITING ? this.#takeLone(now) : this.#wait();
  }

  /** Until Redis has answered. */
  #wait(): Promise<Result> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#draw();
    });
  }

  #change(limit: GlobalLimit): void {
    this.#limit = limit;
    this.#size = { qps: limit.qps, burst: limit.burst ?? Math.max(1, limit.qps) };
    this.#emptyUntil = Number.NEGATIVE_INFINITY;
  }

  #takeHeld(now: number): GlobalTaken | undefined {
    const slice = this.#slices.take(now);
    return slice && this.#admit(slice, now);
  }

  /** The next slice is asked for while half of one is left; where one token is drawn at a time, by who needs it. */
  #drawAhead(now: number): void {
    const size = this.#sliceSize();
    if (size > 1 && now >= this.#emptyUntil && this.#slices.left(now) <= size / 2) this.#draw();
  }

  /** Answered at once; whether Redis is there again is found out beside it. */
  #takeAlone(now: number): Result {
    if (now >= this.#probeAt && this.ports.redis.isUp()) this.#draw();
    return this.#takeLone(now);
  }

  #takeLone(now: number): Result {
    const waitMs = this.#lone.take(this.#part(), now);
    if (waitMs > 0) return this.#deny(waitMs, now);
    this.counts.admittedAlone += 1;
    return this.#admit(this.#lone, now);
  }

  /** What this node may admit by itself. */
  #part(): BucketSize {
    const { qps, burst } = this.#size;
    const nodes = Math.max(1, this.ports.nodes?.() ?? 1);
    return { qps: qps / nodes, burst: Math.max(1, burst / nodes) };
  }

  #draw(): void {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    this.counts.draws += 1;
    const { redis, clock, redisTime } = this.ports;
    const sentAt = clock.monotonic();
    this.#measure(sentAt);
    const ahead = this.#sliceSize();
    const want = Math.max(1, this.#waiting.length + (ahead > 1 ? ahead : 0));
    drawTokens(redis, this.#key, this.#size, want, redisTime?.()).then(
      (draw) => this.#drawn(draw, want, sentAt),
      (thrown: unknown) => this.#failed(thrown),
    );
  }

  #drawn(draw: Draw, want: number, sentAt: number): void {
    const now = this.ports.clock.monotonic();
    this.#isDrawing = false;
    if (this.counts.isAlone) {
      this.counts.isAlone = false;
      this.ports.log.info("a limit of all nodes is counted in Redis again", { limit: this.ports.name });
    }
    this.#leftThere = draw.left;
    this.#slices.add(draw.granted, sentAt + KEPT_MS);
    if (draw.granted < want) this.#emptyUntil = now + Math.max(1, draw.waitMs);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const [index, resolve] of waiting.entries()) {
      const result =
        this.#takeHeld(now) ?? (now < this.#emptyUntil ? this.#deny(draw.waitMs, now) : undefined);
      if (result === undefined) {
        // They came after it was asked for.
        this.#waiting = waiting.slice(index);
        this.#draw();
        return;
      }
      resolve(result);
    }
  }

  #failed(thrown: unknown): void {
    const { clock, log, name } = this.ports;
    const now = clock.monotonic();
    this.#isDrawing = false;
    this.#probeAt = now + PROBE_MS;
    if (!this.counts.isAlone) {
      this.counts.isAlone = true;
      const reason = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause.message : "";
      log.warn("a limit of all nodes is split between them until Redis answers", { limit: name, reason });
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve(this.#takeLone(now));
  }

  #measure(now: number): void {
    const elapsed = Math.max(1, now - this.#drawnAt);
    this.#pace = this.#pace * (1 - NEWER) + (this.#takes / elapsed) * NEWER;
    this.#takes = 0;
    this.#drawnAt = now;
  }

  /** No more than the limit itself gives in that time: what is refused is no reason to hoard. */
  #sliceSize(): number {
    const most = Math.min(this.#pace, this.#size.qps / 1_000);
    return Math.max(1, Math.floor(most * SLICE_MS));
  }

  #admit(source: TokenSource, now: number): GlobalTaken {
    this.counts.admitted += 1;
    return new Token(source, this.ports.name, this.#size, this.#remaining(now));
  }

  #deny(waitMs: number, now: number): GlobalDenied {
    this.counts.denied += 1;
    const retryAfterMs = Math.max(1, Math.ceil(waitMs));
    const state = stateOf(this.ports.name, this.#size, this.#remaining(now));
    return { ok: false, state: { ...state, remaining: 0 }, retryAfterMs };
  }

  #remaining(now: number): number {
    const held = this.counts.isAlone ? this.#lone.left : this.#leftThere + this.#slices.left(now);
    return Math.min(Math.floor(this.#size.burst), held);
  }
}

/** Where a token that was not used goes back to. */
interface TokenSource {
  putBack(): void;
}

class Token implements GlobalTaken {
  readonly ok = true;

  constructor(
    readonly source: TokenSource,
    readonly name: string,
    readonly size: BucketSize,
    readonly remaining: number,
  ) {}

  get state(): LimitState {
    return stateOf(this.name, this.size, this.remaining);
  }

  release(): void {}

  undo(): void {
    this.source.putBack();
  }
}

const stateOf = (name: string, { qps, burst }: BucketSize, remaining: number): LimitState => ({
  name,
  limit: Math.floor(burst),
  remaining,
  resetMs: Math.ceil(((burst - remaining) * 1_000) / qps),
});
