import { SluiceError } from "../../core/errors.ts";
import type { RequestId } from "../../core/ids.ts";
import { NOT_YET } from "../../core/poll.ts";
import type { Final, StreamGeneration } from "../gateway.ts";
import { brokenFinal } from "./broken-final.ts";
import { DeltaFold } from "./delta-fold.ts";
import type { Delta, DoneEntry, StreamAbout, StreamEntry } from "./entry.ts";
import type { CopySource, JournalCopy } from "./journal-copy.ts";
import type { LiveStream, StreamCursor } from "./live-stream.ts";
import { type JournalReader, Reader, type ReadJournal, Seat } from "./reader.ts";
import { entryOf, type Records } from "./records.ts";
import { positionOf, Ring, type RingPlace } from "./ring.ts";

/** What the registry is told, so that no stream needs a timer of its own. */
export interface JournalHooks {
  /** The last reader left, or there was none yet. */
  detached(journal: StreamJournal): void;
  attached(journal: StreamJournal): void;
  ended(journal: StreamJournal): void;
  /** Another node has the stream, or may take it: it is no longer this one's. */
  moved(journal: StreamJournal): void;
  /** As a clock's. */
  soon(run: () => void): void;
}

export interface JournalOptions {
  /** With what was written before: the stream goes on behind it. */
  readonly ring?: Ring;
  /** Choices that had content before. */
  readonly opened?: Iterable<number>;
  readonly copy?: (source: CopySource) => JournalCopy;
}

/**
 * One generation as it is written down: pumps it at the vendor's speed into a ring of numbered entries that
 * any number of readers read, each at its own pace. When the ring is full of what the slowest reader (or the
 * last one that left) has not read, the pump waits, and the vendor with it.
 */
export class StreamJournal implements LiveStream, ReadJournal {
  done: DoneEntry | undefined;
  isMoved = false;
  /** Is just being left to other nodes: it cannot be cancelled here any more. */
  isBeingLeft = false;
  readonly #ring: Ring;
  readonly #hooks: JournalHooks;
  readonly #readers = new Set<JournalReader>();
  readonly #copy: JournalCopy | undefined;
  /** How far the copy has taken what was written; the ring keeps the rest for it. */
  readonly #copied: RingPlace | undefined;
  /** The last entry that readers may see. */
  #shown: number;
  /** Where the last reader stood when it left: from there on everything is kept for its coming back. */
  #left: RingPlace | undefined;
  /** Undefined before it began and once ended, so that the kept stream does not keep the request. */
  #generation: StreamGeneration | undefined;
  readonly #fold: DeltaFold;
  #isRunning = true;
  #isCancelled = false;
  #isLeaving = false;
  /** What was folded finds no room: the pump waits for a reader, or for the end. */
  #isFull = false;
  #isOver = false;
  /** For whoever waits for the end. */
  #ending: PromiseWithResolvers<void> | undefined;
  /** Made once for all waits. */
  readonly #goOn = (): void => this.#pump();

  constructor(
    generation: StreamGeneration | Promise<StreamGeneration>,
    readonly about: StreamAbout,
    hooks: JournalHooks,
    { ring = new Ring(), opened, copy }: JournalOptions = NO_OPTIONS,
  ) {
    this.#hooks = hooks;
    this.#ring = ring;
    this.#left = ring.placeAfter(ring.firstSeq - 1);
    this.#shown = ring.lastSeq;
    if (copy !== undefined) {
      this.#copied = ring.placeAtEnd();
      this.#copy = copy(this.#copySource(this.#copied));
    }
    this.#fold = new DeltaFold(opened);
    if (generation instanceof Promise) void this.#beginLater(generation);
    else this.#begin(generation);
  }

  /** Resolves when the generation has ended and is settled. */
  get ended(): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    this.#ending ??= Promise.withResolvers();
    return this.#ending.promise;
  }

  /** Bytes of memory that the entries take. */
  get size(): number {
    return this.#ring.size;
  }

  attach(after: number): StreamCursor {
    return this.#admit(new Reader(this, this.#placeFor(after)));
  }

  /** A reader that is served by the batch. Throws as `attach`. */
  seat(after: number): Seat {
    return this.#admit(new Seat(this, this.#placeFor(after)));
  }

  cancel(): boolean {
    if (!this.#isRunning || this.isBeingLeft) return false;
    // Whoever asks for its end gets it, also while the node stops: nobody goes on then.
    this.#isLeaving = false;
    this.#stop();
    return true;
  }

  #stop(): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#generation?.cancel();
    this.#mayHaveRoom();
  }

  /** Stops here, so that another node goes on. False: there is no copy that it could go on from. */
  async handOver(): Promise<boolean> {
    if (this.#copy === undefined) return false;
    if (this.#isRunning && !this.#isCancelled) {
      this.#isLeaving = true;
      if (!this.isBeingLeft) this.#stop();
    }
    await this.ended;
    return this.isMoved;
  }

  read(place: RingPlace): StreamEntry | undefined {
    const entry = place.seq < this.#shown ? this.#ring.read(place) : undefined;
    if (entry === undefined)
      return this.done ?? (this.isMoved ? { type: "moved", seq: place.seq } : undefined);
    this.#mayHaveRoom();
    return entry;
  }

  take(place: RingPlace, mostBytes: number): Records | undefined {
    return this.#ring.take(place, this.#shown, mostBytes);
  }

  backlogOf(place: RingPlace): number {
    // With a copy, what it does not have yet counts too: some milliseconds' worth.
    return place.seq >= this.#shown ? 0 : this.#ring.end - positionOf(place);
  }

  moveToEnd(place: RingPlace): void {
    this.#ring.moveToEnd(place);
  }

  soon(run: () => void): void {
    this.#hooks.soon(run);
  }

  leave(reader: JournalReader): void {
    if (!this.#readers.delete(reader)) return;
    if (this.#readers.size > 0) {
      this.#mayHaveRoom();
    } else if (this.#isRunning) {
      this.#left = reader.place;
      this.#hooks.detached(this);
    }
  }

  #admit<Admitted extends JournalReader>(reader: Admitted): Admitted {
    this.#readers.add(reader);
    this.#left = undefined;
    this.#mayHaveRoom();
    this.#hooks.attached(this);
    return reader;
  }

  #placeFor(after: number): RingPlace {
    // Whoever has had the end already is told it once more.
    const from = after === this.done?.seq ? this.#ring.lastSeq : after;
    const place = from > this.#shown ? undefined : this.#ring.placeAfter(from);
    if (place === undefined) throw this.#refusal(after);
    return place;
  }

  #refusal(after: number): SluiceError {
    const { firstSeq } = this.#ring;
    const last = this.done?.seq ?? this.#shown;
    if (after > last) {
      const message = `The stream has ${last} events so far, so it cannot go on after ${after}.`;
      return new SluiceError("invalid_request", message, { param: "after" });
    }
    const message = `Events up to ${firstSeq - 1} of the stream are no longer kept; it can go on after ${firstSeq - 1} at the earliest.`;
    return new SluiceError("not_found", message, { param: "after", status: 410 });
  }

  async #beginLater(generation: Promise<StreamGeneration>): Promise<void> {
    try {
      this.#begin(await generation);
    } catch (thrown) {
      void this.#finish(brokenFinal(this.about, thrown), undefined);
    }
  }

  #begin(generation: StreamGeneration): void {
    this.#generation = generation;
    if (this.#isCancelled) generation.cancel();
    this.#pump();
  }

  /** Takes in what has come, until more has to be waited for, or room for it. Never throws. */
  #pump(): void {
    const generation = this.#generation;
    if (generation === undefined) return;
    let final: Final;
    try {
      for (;;) {
        if (!this.#writeOut()) return;
        const passage = generation.poll();
        if (passage === NOT_YET) {
          generation.whenReady(this.#goOn);
          return;
        }
        if (passage === null) break;
        this.#fold.fold(passage.events);
      }
      final = generation.final ?? brokenFinal(this.about, new Error("a stream ended without saying how"));
    } catch (thrown) {
      generation.cancel();
      final = brokenFinal(this.about, thrown);
    }
    void this.#finish(final, generation);
  }

  /**
   * A reader has read on, came or left, or the end is wished: the pump looks again whether it finds room, in a turn of
   * its own, since whoever calls this is in the middle of something.
   */
  #mayHaveRoom(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    queueMicrotask(this.#goOn);
  }

  /** Writes what was folded. False: it finds no room. */
  #writeOut(): boolean {
    const { deltas } = this.#fold;
    this.#isFull = false;
    for (let delta = deltas[0]; delta !== undefined; delta = deltas[0]) {
      // What was delivered before it was handed over is charged here: nobody else may bring it again.
      const isTaken = this.#makeRoom() || this.#isLeaving;
      if (!isTaken && !this.#isCancelled) {
        this.#isFull = true;
        return false;
      }
      deltas.shift();
      if (isTaken) this.#write(delta);
    }
    return true;
  }

  #write(delta: Delta): void {
    this.#ring.append(delta);
    if (this.#copy === undefined) this.#show(this.#ring.lastSeq, delta);
    else this.#copy.wrote();
  }

  /** @param delta the entry, where it is the only one that is new */
  #show(seq: number, delta?: Delta): void {
    if (seq <= this.#shown) return;
    this.#shown = seq;
    let entry: StreamEntry | undefined;
    for (const reader of this.#readers) {
      if (!reader.isWaiting) continue;
      if (delta !== undefined) entry ??= entryOf(seq, delta);
      reader.tell(entry);
    }
  }

  #makeRoom(): boolean {
    const ring = this.#ring;
    while (!ring.hasRoom) {
      if (this.#left !== undefined && ring.holdsOldest(this.#left)) return false;
      for (const reader of this.#readers) if (ring.holdsOldest(reader.place)) return false;
      if (this.#copied !== undefined && ring.holdsOldest(this.#copied)) {
        if (this.#copy?.isAwaited() === true) return false;
        ring.moveToEnd(this.#copied);
      }
      ring.dropOldest();
    }
    return true;
  }

  /** The generation is over: written down as ended, unless another node may go on with it. */
  async #finish(final: Final, generation: StreamGeneration | undefined): Promise<void> {
    this.#generation = undefined;
    try {
      // Whoever wishes for its end in this same turn still gets it.
      await undefined;
      if (this.#isLeaving && final.outcome === "cancelled") {
        this.isBeingLeft = true;
        if ((await this.#copy?.release()) === true) this.#move();
        this.isBeingLeft = false;
      }
      if (this.isMoved) return;
      const done = this.#doneEntry(final, generation?.started.requestId);
      this.#left = undefined;
      if (this.#copy !== undefined) await this.#copy.end(done);
      this.#end(done);
    } finally {
      this.#isOver = true;
      this.#ending?.resolve();
    }
  }

  #doneEntry(final: Final, run: RequestId | undefined): DoneEntry {
    const seq = this.#ring.lastSeq + 1;
    const { finishes } = this.#fold;
    const isOther = run !== undefined && run !== this.about.requestId;
    return isOther
      ? { type: "done", seq, final, finishes, receipt: run }
      : { type: "done", seq, final, finishes };
  }

  #end(done: DoneEntry): void {
    this.#isRunning = false;
    if (this.isMoved) return;
    this.#ring.trim();
    this.#shown = this.#ring.lastSeq;
    this.done = done;
    for (const reader of this.#readers) reader.tell(undefined);
    this.#hooks.ended(this);
  }

  #move(): void {
    if (this.isMoved || this.done !== undefined) return;
    this.isMoved = true;
    this.#isRunning = false;
    this.#stop();
    for (const reader of this.#readers) reader.tell(undefined);
    this.#hooks.moved(this);
  }

  #copySource(copied: RingPlace): CopySource {
    const ring = this.#ring;
    return {
      get lastSeq() {
        return ring.lastSeq;
      },
      get waiting() {
        return ring.end - positionOf(copied);
      },
      take: (mostBytes) => {
        const records = ring.take(copied, ring.lastSeq, mostBytes);
        if (records !== undefined) this.#mayHaveRoom();
        return records;
      },
      show: (seq) => this.#show(seq),
      lost: () => this.#move(),
    };
  }
}

const NO_OPTIONS: JournalOptions = {};
