import type { NodeId } from "../core/ids.ts";
import type { BudgetPeriod } from "../core/key-limits.ts";
import { grantSize } from "./grant-size.ts";
import { type Period, periodAt } from "./period.ts";

/** What a node says of its slice when it asks for more, or lets the owner know. */
export interface SliceAsk {
  readonly node: NodeId;
  /** Grows with each ask of this node, also over its restarts; an ask that arrives late is ignored. */
  readonly sequence: number;
  readonly whole: bigint;
  readonly period: BudgetPeriod;
  /** Start of the period that the node's figures are about; another one than the owner's counts as none. */
  readonly periodStart: number;
  /** What is left of the node's slice, what is held for running requests included. */
  readonly left: bigint;
  /** What the node has used in this period since it started. */
  readonly used: bigint;
  readonly need: bigint;
  /** The least that helps; 0 with a `need` of 0. */
  readonly atLeast: bigint;
  readonly want: bigint;
}

export interface SliceReply {
  readonly periodStart: number;
  /** Milliseconds; Infinity when it never ends. */
  readonly periodEndsInMs: number;
  /** Added to the node's slice. */
  readonly granted: bigint;
  /** What is left for any node, when less than the need was granted. */
  readonly affordable: bigint;
}

interface Holder {
  sequence: number;
  left: bigint;
  used: bigint;
  /** What it had already used when the ledger was read: that is in `booked`. */
  usedBefore: bigint;
}

/**
 * The owner's side of an amount that may be used up in a period: a key's budget in micropoints, a vendor's
 * calls of a day. Nodes hold slices of it. What is used plus all slices out never exceeds the whole; a slice
 * whose node is silent stays counted, since nobody knows how much of it was used.
 */
export class Slices {
  readonly #holders = new Map<NodeId, Holder>();
  readonly period: Period;

  #booked: bigint;
  /** Used, or held and never told of again, by nodes that forgot it. */
  #lost = 0n;

  /** `booked`: what was used in this period by all, as the ledger knows it. */
  constructor(
    readonly name: BudgetPeriod,
    now: number,
    booked: bigint,
  ) {
    this.period = periodAt(name, now);
    this.#booked = booked;
  }

  /** Used in this period by all, as far as nodes have told. */
  get used(): bigint {
    let told = 0n;
    let since = this.#booked;
    for (const { used, usedBefore } of this.#holders.values()) {
      told += used;
      since += used - usedBefore;
    }
    // The ledger may have been behind what nodes had used when it was read.
    return this.#lost + (told > since ? told : since);
  }

  /** Slices that nodes hold. */
  get out(): bigint {
    let sum = 0n;
    for (const { left } of this.#holders.values()) sum += left;
    return sum;
  }

  /** The ledger was read again because a node forgot what it had. */
  recount(booked: bigint, forgotten: NodeId): void {
    this.#holders.delete(forgotten);
    for (const holder of this.#holders.values()) holder.usedBefore = holder.used;
    this.#booked = booked;
  }

  /** A node forgot what it had, and nobody else knows how much of it was used: all of it counts. */
  lost(node: NodeId): void {
    const holder = this.#holders.get(node);
    if (holder !== undefined) this.#lost += holder.used + holder.left;
    this.#holders.delete(node);
  }

  isOver(now: number): boolean {
    return now >= this.period.end || now < this.period.start;
  }

  /**
   * `stale`: an old message. `forgot`: the node no longer knows what it held or used (it was started anew, or
   * never got the answer): only the ledger can tell, once the node has replayed its spool.
   */
  ask(ask: SliceAsk, now: number): SliceReply | "stale" | "forgot" {
    const former = this.#holders.get(ask.node);
    if (former !== undefined && ask.sequence <= former.sequence) return "stale";
    const isCurrent = ask.periodStart === this.period.start;
    if (former !== undefined && hasForgotten(former, ask, isCurrent)) return "forgot";
    const left = isCurrent ? ask.left : 0n;
    const used = isCurrent ? ask.used : 0n;
    const holder: Holder = { sequence: ask.sequence, left, used, usedBefore: former?.usedBefore ?? used };
    this.#holders.set(ask.node, holder);
    const free = ask.whole - this.used - this.out;
    const available = free < 0n ? 0n : free;
    const size = grantSize(available, this.#nodes(), ask);
    const granted = size < ask.atLeast ? 0n : size;
    holder.left += granted;
    return {
      periodStart: this.period.start,
      periodEndsInMs: this.period.end - now,
      granted,
      affordable: granted < ask.need ? available - granted : 0n,
    };
  }

  /** How many nodes share what is left: those that hold something, and the one that asks. */
  #nodes(): number {
    let count = 0;
    for (const { left } of this.#holders.values()) if (left > 0n) count += 1;
    return Math.max(1, count);
  }
}

function hasForgotten(former: Holder, ask: SliceAsk, isCurrent: boolean): boolean {
  if (isCurrent) return ask.used < former.used;
  return former.used > 0n || former.left > 0n;
}
