import { asSluiceError, SluiceError } from "../../core/errors.ts";
import { ZERO } from "../../core/points.ts";
import { NO_USAGE } from "../../core/usage.ts";
import type { Final, StreamGeneration } from "../gateway.ts";
import { DeltaFold } from "./delta-fold.ts";
import type { Delta, DoneEntry, StreamAbout, StreamEntry } from "./entry.ts";
import type { LiveStream, StreamCursor } from "./live-stream.ts";
import { positionOf, Ring, type RingPlace } from "./ring.ts";

/** What the registry is told, so that no stream needs a timer of its own. */
export interface JournalHooks {
  /** The last reader left, or there was none yet. */
  detached(journal: StreamJournal): void;
  attached(journal: StreamJournal): void;
  ended(journal: StreamJournal): void;
}

/**
 * One generation as it is written down: pumps it at the vendor's speed into a ring of numbered entries that
 * any number of readers read, each at its own pace. When the ring is full of what the slowest reader (or the
 * last one that left) has not read, the pump waits, and the vendor with it.
 */
export class StreamJournal implements LiveStream {
  /** Resolves when the generation has ended and is settled. */
  readonly ended: Promise<void>;
  done: DoneEntry | undefined;
  readonly #ring: Ring;
  readonly #hooks: JournalHooks;
  readonly #readers = new Set<Reader>();
  /** Where the last reader stood when it left: from there on everything is kept for its coming back. */
  #left: RingPlace | undefined;
  /** Undefined once ended, so that the kept stream does not keep the request. */
  #generation: StreamGeneration | undefined;
  #isCancelled = false;
  #onRoom: (() => void) | undefined;

  constructor(
    generation: StreamGeneration,
    readonly about: StreamAbout,
    hooks: JournalHooks,
    ring = new Ring(),
  ) {
    this.#generation = generation;
    this.#hooks = hooks;
    this.#ring = ring;
    this.#left = ring.placeAfter(0);
    this.ended = this.#run(generation);
  }

  /** Bytes of memory that the entries take. */
  get size(): number {
    return this.#ring.size;
  }

  attach(after: number): StreamCursor {
    // Whoever has had the end already is told it once more.
    const from = after === this.done?.seq ? this.#ring.lastSeq : after;
    const place = this.#ring.placeAfter(from);
    if (place === undefined) throw this.#refusal(after);
    const reader = new Reader(this, place);
    this.#readers.add(reader);
    this.#left = undefined;
    this.#onRoom?.();
    this.#hooks.attached(this);
    return reader;
  }

  cancel(): boolean {
    if (this.#generation === undefined) return false;
    if (!this.#isCancelled) {
      this.#isCancelled = true;
      this.#generation.cancel();
      this.#onRoom?.();
    }
    return true;
  }

  /** For the readers: the entry at the place, which moves on. */
  read(place: RingPlace): StreamEntry | undefined {
    const entry = this.#ring.read(place);
    if (entry === undefined) return this.done;
    this.#onRoom?.();
    return entry;
  }

  backlogOf(place: RingPlace): number {
    return this.#ring.end - positionOf(place);
  }

  leave(reader: Reader): void {
    if (!this.#readers.delete(reader)) return;
    if (this.#readers.size > 0) {
      this.#onRoom?.();
    } else if (this.done === undefined) {
      this.#left = reader.place;
      this.#hooks.detached(this);
    }
  }

  #refusal(after: number): SluiceError {
    const { firstSeq, lastSeq } = this.#ring;
    const last = this.done?.seq ?? lastSeq;
    if (after > last) {
      const message = `The stream has ${last} events so far, so it cannot go on after ${after}.`;
      return new SluiceError("invalid_request", message, { param: "after" });
    }
    const message = `Events up to ${firstSeq - 1} of the stream are no longer kept; it can go on after ${firstSeq - 1} at the earliest.`;
    return new SluiceError("not_found", message, { param: "after", status: 410 });
  }

  async #run(generation: StreamGeneration): Promise<void> {
    const unwritten: Delta[] = [];
    const fold = new DeltaFold((delta) => unwritten.push(delta));
    let final: Final;
    try {
      for (let passage = await generation.next(); passage !== null; passage = await generation.next()) {
        fold.fold(passage.events);
        for (const delta of unwritten.splice(0)) await this.#write(delta);
      }
      final = generation.final ?? brokenFinal(generation, new Error("a stream ended without saying how"));
    } catch (thrown) {
      generation.cancel();
      final = brokenFinal(generation, thrown);
    }
    this.#end(final, fold);
  }

  async #write(delta: Delta): Promise<void> {
    while (!this.#makeRoom()) {
      if (this.#isCancelled) return;
      await new Promise<void>((resolve) => {
        this.#onRoom = resolve;
      });
      this.#onRoom = undefined;
    }
    const entry = this.#ring.append(delta);
    for (const reader of this.#readers) {
      if (reader.isWaiting) {
        this.#ring.moveToEnd(reader.place);
        reader.wake(entry);
      }
    }
  }

  #makeRoom(): boolean {
    const ring = this.#ring;
    while (!ring.hasRoom) {
      if (this.#left !== undefined && ring.holdsOldest(this.#left)) return false;
      for (const reader of this.#readers) if (ring.holdsOldest(reader.place)) return false;
      ring.dropOldest();
    }
    return true;
  }

  #end(final: Final, fold: DeltaFold): void {
    this.#generation = undefined;
    this.#left = undefined;
    this.#ring.trim();
    this.done = { type: "done", seq: this.#ring.lastSeq + 1, final, finishes: fold.finishes };
    for (const reader of this.#readers) if (reader.isWaiting) reader.wake(this.done);
    this.#hooks.ended(this);
  }
}

/** One attached reader. Its entries are made when it asks: a slow one piles nothing up. */
class Reader implements StreamCursor {
  #wake: ((entry: StreamEntry | null) => void) | undefined;
  #isOver = false;

  constructor(
    readonly journal: StreamJournal,
    readonly place: RingPlace,
  ) {}

  get isWaiting(): boolean {
    return this.#wake !== undefined;
  }

  get backlog(): number {
    return this.#isOver ? 0 : this.journal.backlogOf(this.place);
  }

  next(): Promise<StreamEntry | null> {
    if (this.#isOver) return Promise.resolve(null);
    if (this.#wake !== undefined) throw new Error("a stream cursor was asked twice at a time");
    const entry = this.journal.read(this.place);
    if (entry === undefined) {
      return new Promise((resolve) => {
        this.#wake = resolve;
      });
    }
    if (entry.type === "done") this.close();
    return Promise.resolve(entry);
  }

  wake(entry: StreamEntry | null): void {
    const wake = this.#wake;
    this.#wake = undefined;
    if (entry?.type === "done") this.close();
    wake?.(entry);
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.journal.leave(this);
    this.wake(null);
  }
}

/** For a generation that broke its own rules: what it used cannot be known here. */
function brokenFinal(generation: StreamGeneration, thrown: unknown): Final {
  return {
    outcome: "failed",
    finishReason: null,
    usage: NO_USAGE,
    cost: ZERO,
    vendor: generation.started.vendor,
    error: asSluiceError(thrown),
  };
}
