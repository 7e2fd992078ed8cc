import { type Clock, sleep } from "../src/core/clock.ts";
import type { Random } from "../src/core/random.ts";

/** What can go wrong, and how likely; all zero is a world in which nothing does. */
export interface Faults {
  /** A message, or the answer to it, is lost. */
  lose: number;
  /** A message comes late by up to a second and a half. */
  late: number;
  double: number;
  /** A server does what it was asked and its answer is lost. */
  ambiguous: number;
  /** A statement never reaches Postgres. */
  refuse: number;
}

export const NO_FAULTS: Faults = { lose: 0, late: 0, double: 0, ambiguous: 0, refuse: 0 };

/** Chance and time of the world outside all processes. */
export class Chance {
  faults: Faults = { ...NO_FAULTS };

  constructor(
    readonly clock: Clock,
    readonly random: Random,
  ) {}

  happens(likely: number): boolean {
    return likely > 0 && this.random.next() < likely;
  }

  between(least: number, most: number): number {
    return least + this.random.next() * (most - least);
  }

  below(count: number): number {
    return Math.floor(this.random.next() * count);
  }

  /** The way of a message or a statement. */
  travel(): Promise<void> {
    const ms = this.happens(this.faults.late) ? this.between(50, 1_500) : this.between(0.2, 3);
    return sleep(this.clock, ms);
  }
}

/** Never settles: what is lost, and whom it was for waits for its own timer. */
export const never = <Value>(): Promise<Value> => new Promise(() => {});
