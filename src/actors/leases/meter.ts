import type { BucketRate } from "./token-bucket.ts";

/** What a node may still take under one limit, by the limit's algorithm. Arithmetic only; times are monotonic milliseconds. */
export interface Meter {
  /** Takes `count`, all or none. How many milliseconds to wait before it may be used, or `REFUSED`. */
  take(count: number, now: number): number;
  /** So many of what was taken at `takenAt` were not used after all. */
  untake(count: number, takenAt: number): void;
  /** More than was taken has been used: a debt that is paid before anything else is taken. */
  overuse(count: number, takenAt: number): void;
  /** How many could be taken now. */
  left(now: number): number;
  /** Milliseconds until `count` can be taken; Infinity when never. */
  waitMs(count: number, now: number): number;
  /** Milliseconds until nothing is counted any more. */
  fullMs(now: number): number;
  /** What must be counted as in use here. */
  held(now: number): BucketRate;
  /** Another part, with so many tokens that come with it. Answers what has no room in it. */
  resize(part: BucketRate, tokens: number, now: number): Surplus;
  /** The whole limit is another one. */
  adapt?(whole: BucketRate): void;
}

/** `take` took nothing. */
export const REFUSED = -1;

/** What goes back to a limit's owner: usable at once, and used but not yet forgotten. */
export interface Surplus {
  readonly tokens: number;
  readonly cooling: readonly Cooling[];
}

/** So many tokens can be used again after so many milliseconds. */
export type Cooling = readonly [afterMs: number, count: number];

export const NO_SURPLUS: Surplus = { tokens: 0, cooling: [] };
