import { SluiceError } from "../core/errors.ts";
import type { Turn } from "./definition.ts";
import { MAX_LIMITS } from "./limits.ts";
import type { Answer, Pending } from "./pending.ts";
import { periodAt } from "./period.ts";
import { type SliceAsk, type SliceReply, Slices } from "./slices.ts";

/** What was used of a subject's budget since `since` (epoch milliseconds), as the ledger knows it. */
export type UsedSince = (subject: string, since: number) => Promise<bigint>;

interface Entry {
  slices: Slices | undefined;
  /** Asks that wait for the ledger; undefined while it is not being read. */
  waiting: Waiting[] | undefined;
}

interface Waiting {
  readonly ask: SliceAsk;
  readonly reply: Pending<SliceReply>;
}

/** The budgets that one actor owns, each handed out in slices. */
export class SliceDesk {
  readonly #entries = new Map<string, Entry>();

  /** `isBooked`: whether the ledger knows what was used of a subject's budget; else only nodes and this desk do. */
  constructor(
    readonly usedSince: UsedSince,
    readonly isBooked: (subject: string) => boolean = () => true,
  ) {}

  get size(): number {
    return this.#entries.size;
  }

  /** Throws SluiceError `conflict` for an old message, `overloaded` while former holders may still speak up. */
  ask<State>(subject: string, ask: SliceAsk, turn: Turn<State>): Answer<SliceReply> {
    const entry = this.#entryOf(subject);
    const { slices } = entry;
    if (entry.waiting !== undefined) return this.#wait(entry.waiting, ask, turn);
    if (slices === undefined || slices.name !== ask.period || slices.isOver(turn.clock.now())) {
      return this.#read(subject, entry, ask, turn, (booked) => {
        entry.slices = new Slices(ask.period, turn.clock.now(), booked);
      });
    }
    // Slices that an earlier life of this actor granted may be out; their holders speak within a term.
    const isFrozen = turn.now < turn.leasesUntil;
    const reply = slices.ask(isFrozen ? { ...ask, need: 0n, atLeast: 0n, want: 0n } : ask, turn.clock.now());
    if (reply === "stale")
      throw new SluiceError("conflict", "A newer message about this budget came before.");
    if (reply === "forgot" && !this.isBooked(subject)) {
      slices.lost(ask.node);
      return this.ask(subject, ask, turn);
    }
    if (reply === "forgot") {
      return this.#read(subject, entry, ask, turn, (booked) => slices.recount(booked, ask.node));
    }
    if (isFrozen && ask.need > 0n) {
      throw new SluiceError("overloaded", "The budget is being counted anew.", {
        retryAfterMs: Math.ceil(turn.leasesUntil - turn.now),
      });
    }
    return reply;
  }

  /**
   * Forgets budgets of which nothing is out: the ledger knows the rest when it is needed again. What the ledger
   * does not know is kept until its period is over. `now`: epoch milliseconds.
   */
  prune(now: number): void {
    for (const [subject, { slices, waiting }] of this.#entries) {
      if (waiting !== undefined) continue;
      const isOver = slices === undefined || slices.isOver(now);
      if (isOver || (slices.out === 0n && this.isBooked(subject))) this.#entries.delete(subject);
    }
  }

  #entryOf(subject: string): Entry {
    const known = this.#entries.get(subject);
    if (known !== undefined) return known;
    if (this.#entries.size >= MAX_LIMITS)
      throw new SluiceError("overloaded", "Too many budgets of one owner.");
    const entry: Entry = { slices: undefined, waiting: undefined };
    this.#entries.set(subject, entry);
    return entry;
  }

  #wait<State>(waiting: Waiting[], ask: SliceAsk, turn: Turn<State>): Pending<SliceReply> {
    const reply = turn.later<SliceReply>();
    waiting.push({ ask, reply });
    return reply;
  }

  /** Reads the ledger once for all who ask meanwhile, then answers them in order. */
  #read<State>(
    subject: string,
    entry: Entry,
    ask: SliceAsk,
    turn: Turn<State>,
    use: (booked: bigint) => void,
  ): Pending<SliceReply> {
    const waiting: Waiting[] = [];
    entry.waiting = waiting;
    const { start } = periodAt(ask.period, turn.clock.now());
    const reply = this.#wait(waiting, ask, turn);
    turn.effect(() => this.usedSince(subject, start), {
      done: (_, booked, later) => {
        entry.waiting = undefined;
        use(booked);
        for (const one of waiting) this.#answer(subject, one, later);
        return null;
      },
      failed: (_, thrown) => {
        entry.waiting = undefined;
        const error =
          thrown instanceof SluiceError
            ? thrown
            : new SluiceError("overloaded", "The budget cannot be read at the moment.", {
                retryAfterMs: 1_000,
              });
        for (const one of waiting) one.reply.refuse(error);
        return null;
      },
    });
    return reply;
  }

  #answer<State>(subject: string, { ask, reply }: Waiting, turn: Turn<State>): void {
    try {
      reply.answer(this.ask(subject, ask, turn));
    } catch (thrown) {
      if (!(thrown instanceof SluiceError)) throw thrown;
      reply.refuse(thrown);
    }
  }
}
