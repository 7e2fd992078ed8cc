import type { DoneEntry, StreamEntry } from "./entry.ts";
import type { StreamCursor } from "./live-stream.ts";
import type { Records } from "./records.ts";
import type { RingPlace } from "./ring.ts";

/** What those who read a journal see of it. */
export interface ReadJournal {
  readonly done: DoneEntry | undefined;
  readonly isMoved: boolean;
  /** The entry at the place, which moves on; undefined while there is none. */
  read(place: RingPlace): StreamEntry | undefined;
  /** Whole records from the place, which moves on. */
  take(place: RingPlace, mostBytes: number): Records | undefined;
  backlogOf(place: RingPlace): number;
  moveToEnd(place: RingPlace): void;
  /** Runs once after what the event loop has at hand now. */
  soon(run: () => void): void;
  leave(reader: JournalReader): void;
}

/** Whoever holds a place in a journal: what comes after it is kept. */
export interface JournalReader {
  readonly place: RingPlace;
  /** Wants to be told. */
  readonly isWaiting: boolean;
  /** Something new can be read: `entry` where it is known, else it is at the place. */
  tell(entry: StreamEntry | undefined): void;
}

/**
 * What a reader is handed in one turn of the event loop. A ring holds 400,000 short entries: whoever reads them all at once
 * would keep everybody else waiting for a second.
 */
const ENTRIES_A_TURN = 256;

/** One attached reader. Its entries are made when it asks: a slow one piles nothing up. */
export class Reader implements StreamCursor, JournalReader {
  #wake: ((entry: StreamEntry | null) => void) | undefined;
  #isOver = false;
  /** Entries that were there when they were asked for, one behind the other. */
  #inARow = 0;

  constructor(
    readonly journal: ReadJournal,
    readonly place: RingPlace,
  ) {}

  get isWaiting(): boolean {
    return this.#wake !== undefined;
  }

  get backlog(): number {
    return this.#isOver ? 0 : this.journal.backlogOf(this.place);
  }

  next(): StreamEntry | null | Promise<StreamEntry | null> {
    if (this.#isOver) return null;
    if (this.#wake !== undefined) throw new Error("a stream cursor was asked twice at a time");
    if (this.#inARow === ENTRIES_A_TURN) return this.#nextTurn();
    const entry = this.journal.read(this.place);
    if (entry === undefined) {
      this.#inARow = 0;
      const { promise, resolve } = Promise.withResolvers<StreamEntry | null>();
      this.#wake = resolve;
      return promise;
    }
    this.#inARow += 1;
    if (entry.type !== "delta") this.close();
    return entry;
  }

  async #nextTurn(): Promise<StreamEntry | null> {
    this.#inARow = 0;
    await new Promise<void>((resolve) => this.journal.soon(resolve));
    return this.next();
  }

  tell(known: StreamEntry | undefined): void {
    if (this.#wake === undefined) return;
    if (known?.type === "delta") this.journal.moveToEnd(this.place);
    const entry = known ?? this.journal.read(this.place);
    if (entry !== undefined) this.#answer(entry);
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.journal.leave(this);
    this.#answer(null);
  }

  #answer(entry: StreamEntry | null): void {
    const wake = this.#wake;
    this.#wake = undefined;
    if (entry !== null && entry.type !== "delta") this.close();
    wake?.(entry);
  }
}

/** What a seat can be given: records, the end behind them, or that the stream has gone elsewhere. */
export interface Served {
  readonly records: Records | undefined;
  /** Only when nothing lies between the records and it. */
  readonly done: DoneEntry | undefined;
  readonly isMoved: boolean;
  /** Bytes behind the records that could be had at once. */
  readonly backlog: number;
}

/**
 * A reader that is served by the batch and may lose one on the way: its place moves only when it says what it has.
 */
export class Seat implements JournalReader {
  readonly #waiting = new Set<() => void>();
  #isOver = false;

  constructor(
    readonly journal: ReadJournal,
    readonly place: RingPlace,
  ) {}

  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** What comes after entry `after`, which it has now. Undefined when it had come further already. */
  serve(after: number, mostBytes: number): Served | undefined {
    const { journal, place } = this;
    if (after < place.seq && after !== journal.done?.seq) return undefined;
    while (place.seq < after) {
      const entry = journal.read(place);
      if (entry === undefined || entry.type !== "delta") break;
    }
    const ahead = { ...place };
    const records = mostBytes === 0 ? undefined : journal.take(ahead, mostBytes);
    const backlog = journal.backlogOf(ahead);
    return { records, done: backlog === 0 ? journal.done : undefined, isMoved: journal.isMoved, backlog };
  }

  /** Resolves when there may be something new, or the seat was given up. */
  whenTold(): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  tell(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.journal.leave(this);
    this.tell();
  }
}
