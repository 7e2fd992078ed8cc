import { sleep } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import { randomText, type TenantId } from "../../core/ids.ts";
import { formatPoints, least, type Micropoints, micropointsOf, ZERO } from "../../core/points.ts";
import { Purse } from "../../ledger/purse.ts";
import { ASK_PAUSE_MOST_MS, ASK_PAUSE_MS, IDLE_PURSE_MS, LEASE_SWEEP_MS } from "../limits.ts";
import { type Granted, HoldLine, type HoldSource, type Need } from "./hold-line.ts";
import type { LeasePorts } from "./ports.ts";
import type { PurseDesk } from "./purse-desk.ts";

/** One tenant's purse on this node, filled by the tenant's actor. */
export class PurseLease implements HoldSource {
  readonly purse = new Purse();
  readonly line: HoldLine;
  usedAt: number;
  /** The id of a grant that was asked for and not answered yet. */
  #asked: string | undefined;
  /** The id of a grant that was denied while an earlier try of it may still come true: the next ask takes it up. */
  #unsure: string | undefined;
  #lookAt = Number.NEGATIVE_INFINITY;
  #lookPauseMs = LEASE_SWEEP_MS;
  /** Movements back to the tenant that are not confirmed yet, in order. */
  #givingBack: Promise<void> = Promise.resolve();
  #openReturns = 0;
  #isAbandoned = false;
  #quiet: (() => void) | undefined;

  constructor(
    readonly ports: LeasePorts,
    readonly desk: PurseDesk,
    readonly tenant: TenantId,
  ) {
    this.line = new HoldLine(this, ports.clock);
    this.usedAt = ports.clock.monotonic();
  }

  available(): bigint {
    return this.purse.available;
  }

  get isOwed(): boolean {
    return this.#asked !== undefined;
  }

  /** A grant that was denied may still come true without our knowing. */
  get isUnsure(): boolean {
    return this.#unsure !== undefined;
  }

  /** Asks for such a grant once more: if it came true nobody else can spend it. Soon, then ever more seldom. */
  lookForUnsure(now: number): void {
    if (now < this.#lookAt || !this.line.isQuiet) return;
    this.#lookPauseMs = Math.min(this.#lookPauseMs * 2, IDLE_PURSE_MS);
    this.#lookAt = now + this.#lookPauseMs;
    this.line.renew();
  }

  /** True when nothing of this purse is in use or on its way. */
  get isIdle(): boolean {
    const { held, unsettled } = this.purse;
    return held === ZERO && unsettled === ZERO && this.#openReturns === 0 && this.line.isQuiet;
  }

  hold(amount: bigint): boolean {
    return this.purse.hold(micropointsOf(amount));
  }

  settle(
    held: Micropoints,
    cost: Micropoints,
    now: number,
  ): { readonly charged: Micropoints; readonly loss: Micropoints } {
    const taken = this.purse.settle(held, cost);
    this.usedAt = now;
    this.line.meter.used(taken.charged, now);
    this.line.freed();
    return taken;
  }

  release(held: Micropoints): void {
    this.purse.release(held);
    this.line.freed();
  }

  /** What the ledger has booked was charged here; more than that is told, and never breaks the purse. */
  booked(amount: Micropoints): void {
    const { unsettled } = this.purse;
    if (amount > unsettled) {
      this.ports.log.error("the ledger booked more than was charged here", {
        tenant: this.tenant,
        booked: formatPoints(amount),
        unsettled: formatPoints(unsettled),
      });
    }
    this.purse.booked(least(amount, unsettled));
  }

  /** What was charged here and will not be booked is available again. */
  refund(amount: Micropoints): void {
    this.purse.refund(least(amount, this.purse.unsettled));
    this.line.freed();
  }

  async ask(need: Need, isRetry: boolean): Promise<Granted> {
    const { node, epoch = null, random } = this.ports;
    const wasTried = isRetry || this.#unsure !== undefined;
    this.#asked ??= this.#unsure ?? `grant:${node}:${randomText(random.bytes(20))}`;
    const id = this.#asked;
    const reply = await this.desk.grant(this.tenant, { node, epoch, id, isRetry: wasTried, ...need });
    this.#asked = undefined;
    this.#unsure = reply.granted === 0n && (wasTried || reply.isUnsure === true) ? id : undefined;
    if (this.#unsure === undefined) this.#lookPauseMs = LEASE_SWEEP_MS;
    if (reply.granted > 0n) this.purse.add(micropointsOf(reply.granted));
    this.#quiet?.();
    return reply;
  }

  denial(affordable: bigint): SluiceError {
    return new SluiceError("insufficient_points", "The balance does not cover this request.", {
      affordable: formatPoints(micropointsOf(affordable)),
    });
  }

  /** Another node is about to deny for want of points: everything that nobody waits for here goes back. */
  answerRecall(recall: string): void {
    this.giveBack(this.line.isQuiet ? this.purse.available : ZERO, recall);
  }

  /** Takes the amount out of the purse at once; it reaches the tenant's account as soon as its actor confirms. */
  giveBack(amount: Micropoints, recall?: string): void {
    const taken = this.purse.take(amount);
    this.#openReturns += 1;
    this.#givingBack = this.#givingBack.then(async () => {
      await this.#return(taken, recall);
      this.#openReturns -= 1;
    });
  }

  /** Gives back what is available, once no grant is on its way any more. */
  async drain(): Promise<void> {
    if (this.isOwed) await new Promise<void>((resolve) => (this.#quiet = resolve));
    if (this.purse.available > ZERO) this.giveBack(this.purse.available);
    await this.#givingBack;
  }

  abandon(): void {
    this.#isAbandoned = true;
    this.line.abandon();
  }

  /** Until the actor has confirmed; the ledger knows the id and moves it once. Should this node end before, its recovery returns the purse. */
  async #return(amount: Micropoints, recall: string | undefined): Promise<void> {
    const { node, epoch = null, random, clock, log } = this.ports;
    const id = `return:${node}:${randomText(random.bytes(20))}`;
    const answers = recall === undefined ? {} : { recall };
    for (let tries = 0; !this.#isAbandoned; tries += 1) {
      try {
        await this.desk.giveBack(this.tenant, { node, epoch, id, isRetry: tries > 0, amount, ...answers });
        return;
      } catch (thrown) {
        // Nothing moved and nothing is owed: a recall that is not answered ends by itself.
        if (amount === ZERO) return;
        // The ledger's own no; anything else may have happened or not.
        if (thrown instanceof SluiceError && thrown.code === "conflict") {
          log.error("points could not be given back", { tenant: this.tenant, amount: formatPoints(amount) });
          return;
        }
        await sleep(clock, Math.min(ASK_PAUSE_MS * 2 ** tries, ASK_PAUSE_MOST_MS));
      }
    }
  }
}
