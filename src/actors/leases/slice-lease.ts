import { BusError } from "../../bus/bus.ts";
import type { SluiceError } from "../../core/errors.ts";
import type { BudgetPeriod } from "../../core/key-limits.ts";
import type { LimitOwner } from "../limit-owner.ts";
import { LEASE_MARGIN_MS, LEASE_MS, RENEW_MS } from "../limits.ts";
import type { SliceReply } from "../slices.ts";
import { type Granted, HoldLine, type HoldSource, type Need } from "./hold-line.ts";
import { createSequence, type LeasePorts } from "./ports.ts";

export interface SliceSubject {
  readonly owner: LimitOwner;
  /** The budget's name at its owner. */
  readonly subject: string;
  readonly whole: bigint;
  readonly period: BudgetPeriod;
  /** What a client is told; `endsInMs`: until the period is over, Infinity for never. */
  denial(affordable: bigint, endsInMs: number): SluiceError;
}

/** Names the period that a hold belongs to: one that ends in the next period changes nothing there. */
export type SlicePeriod = number;

/** Before the owner has said which period it is. */
const UNKNOWN_PERIOD = -1;

/** This node's slice of what may be used up in a period. */
export class SliceLease implements HoldSource {
  readonly line: HoldLine;
  readonly isOwed = false;
  usedAt: number;
  #subject: SliceSubject;
  /** What is left, held and used together: what is held is worked out of it, since no request asks for that. */
  #sum = 0n;
  #left = 0n;
  /** In this period, since this node began. */
  #used = 0n;
  /** Counted in `used` and not used after all. `used` only grows, so that the owner can trust it. */
  #undone = 0n;
  #period: SlicePeriod = UNKNOWN_PERIOD;
  #endsAt = Number.POSITIVE_INFINITY;
  /** Monotonic; the slice is not used after. */
  #deadline = Number.NEGATIVE_INFINITY;
  #renewAt = Number.NEGATIVE_INFINITY;
  /** What the owner was last told, or has granted since: its figure of what is left here. */
  #told = 0n;
  #isLeaving = false;
  readonly #sequence: () => number;

  constructor(
    readonly ports: LeasePorts,
    subject: SliceSubject,
  ) {
    this.#subject = subject;
    this.#sequence = createSequence(ports.clock);
    this.line = new HoldLine(this, ports.clock);
    this.usedAt = ports.clock.monotonic();
  }

  get owner(): LimitOwner {
    return this.#subject.owner;
  }

  /** The owner changed and does not know what is held or used here. */
  tellNewOwner(): void {
    if (this.#told > 0n || this.#used > 0n) this.line.renew();
  }

  get period(): SlicePeriod {
    return this.#period;
  }

  get #held(): bigint {
    return this.#sum - this.#left - this.#used;
  }

  available(now: number): bigint {
    return now < this.#deadline && now < this.#endsAt ? this.#left : 0n;
  }

  hold(amount: bigint, now: number): boolean {
    if (amount > this.available(now)) return false;
    this.#left -= amount;
    return true;
  }

  /** Ends a hold: what was used stays used, the rest is available again. A cost beyond the hold uses up the slice. */
  settle(period: SlicePeriod, held: bigint, cost: bigint, now: number): void {
    if (period !== this.#period) return;
    this.usedAt = now;
    this.#left += held;
    const isBeyond = cost > this.#left;
    if (isBeyond) this.#sum += cost - this.#left;
    this.#left = isBeyond ? 0n : this.#left - cost;
    this.#used += cost;
    if (this.#undone > 0n) this.#useUndone(cost);
    this.line.meter.used(cost, now);
    this.line.freed();
  }

  /** What was counted as used once is not counted again. */
  #useUndone(cost: bigint): void {
    const again = this.#undone < cost ? this.#undone : cost;
    this.#undone -= again;
    this.#used -= again;
    this.#sum -= again;
  }

  /** What was settled did not happen after all. */
  unuse(period: SlicePeriod, amount: bigint): void {
    if (period !== this.#period) return;
    this.#sum += amount;
    this.#left += amount;
    this.#undone += amount;
    this.line.freed();
  }

  /** Another budget for the same subject: what is held of the old one goes back first. */
  change(subject: SliceSubject): void {
    const { whole, period } = this.#subject;
    this.#subject = subject;
    if (subject.whole === whole && subject.period === period) return;
    this.giveBack();
    this.line.forgetDenial();
  }

  denial(affordable: bigint): SluiceError {
    return this.#subject.denial(affordable, this.#endsAt - this.ports.clock.monotonic());
  }

  /** Renews or gives back what is due. True when nothing is left here and the owner knows. */
  sweep(now: number): boolean {
    const isUsed = this.#held > 0n || !this.line.isQuiet || now - this.usedAt < LEASE_MS;
    if (isUsed) {
      if (now >= this.#renewAt && this.#told > 0n) this.line.renew();
      return false;
    }
    if (this.#told === 0n && this.#left === 0n) return true;
    this.giveBack();
    return false;
  }

  giveBack(): void {
    this.#sum -= this.#left;
    this.#left = 0n;
    this.#undone = 0n;
    this.#isLeaving = true;
    this.line.renew();
  }

  get isGivenBack(): boolean {
    return this.line.isQuiet && this.#told === this.#held;
  }

  async ask(need: Need): Promise<Granted> {
    const { clock, node, ask } = this.ports;
    const sentAt = clock.monotonic();
    // Nothing more is wanted where this talk is only about what is there, or goes back.
    const isEnough = this.#isLeaving || this.#left >= this.line.meter.lowWater(sentAt);
    this.#isLeaving = false;
    const { owner, subject, whole, period } = this.#subject;
    const left = this.#left + this.#held - this.#undone;
    const asked = ask(owner.kind, owner.key, "slice", {
      subject,
      ask: {
        node,
        sequence: this.#sequence(),
        whole,
        period,
        periodStart: this.#period,
        left,
        used: this.#used,
        ...need,
        want: need.need === 0n && isEnough ? 0n : need.want,
      },
    });
    const reply = await asked.catch((thrown: unknown) => {
      // Nobody else is given what this node was: it may go on using it up until an owner can be asked again.
      if (thrown instanceof BusError && this.ports.nodes !== undefined)
        this.#deadline = clock.monotonic() + LEASE_MS;
      throw thrown;
    });
    this.#adopt(reply, left, sentAt);
    return reply;
  }

  #adopt(reply: SliceReply, told: bigint, sentAt: number): void {
    const now = this.ports.clock.monotonic();
    const isNew = reply.periodStart !== this.#period;
    if (isNew) {
      this.#period = reply.periodStart;
      this.#sum = 0n;
      this.#left = 0n;
      this.#used = 0n;
      this.#undone = 0n;
    }
    this.#told = (isNew ? 0n : told) + reply.granted;
    this.#sum += reply.granted;
    this.#left += reply.granted;
    this.#endsAt = now + reply.periodEndsInMs;
    this.#deadline = sentAt + LEASE_MS - LEASE_MARGIN_MS;
    this.#renewAt = sentAt + RENEW_MS;
  }
}
