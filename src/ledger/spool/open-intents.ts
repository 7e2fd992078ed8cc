import type { RequestId } from "../../core/ids.ts";
import type { IntentRecord, ProgressRecord, SpoolRecord } from "../records.ts";
import type { Segment } from "./segment.ts";

/** No place. */
const NONE = -1;

/** So many letters at an id's end, which are random, tell it from nearly all others. */
const TELLING_LETTERS = 6;

/** A power of two, as every larger number of chains. */
const FEWEST_CHAINS = 1024;

/**
 * The requests that have no USAGE yet, and which segment holds the INTENT of each: it must not be deleted. Each has a
 * place, which another gets when it ends, in columns, as long as the most that ever ran at once; those whose ids fall
 * together form a chain. A `Map` would do, but for garbage, as with a `Roster`: its former tables keep most requests that
 * ended alive until the heap is collected as a whole.
 */
export class OpenIntents {
  /** By place; undefined where it is free. */
  readonly #intents: (IntentRecord | undefined)[] = [];
  readonly #segments: (Segment | undefined)[] = [];
  /** The last note that was written. */
  readonly #progress: (ProgressRecord | undefined)[] = [];
  /** The USAGE is on its way to the disk. */
  readonly #isEnding: boolean[] = [];
  /** The place that follows in the chain, or among the free ones. */
  readonly #next: number[] = [];
  /** The first place of each chain. */
  #chains = new Int32Array(FEWEST_CHAINS).fill(NONE);
  #firstFree = NONE;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** A record was written to this segment. An INTENT that was open stands here from now on. */
  written(record: SpoolRecord, segment: Segment): void {
    if (record.kind === "usage") return;
    const place = this.#placeOf(record.id);
    if (record.kind === "progress") {
      if (place !== NONE) this.#progress[place] = record;
      return;
    }
    segment.openIntents += 1;
    if (place === NONE) this.#open(record, segment);
    else this.#moveTo(place, segment);
  }

  /** The request's USAGE is being written; `close` or `goesOn` follows. */
  ends(id: RequestId): void {
    const place = this.#placeOf(id);
    if (place !== NONE) this.#isEnding[place] = true;
  }

  /** Its USAGE could not be written. */
  goesOn(id: RequestId): void {
    const place = this.#placeOf(id);
    if (place !== NONE) this.#isEnding[place] = false;
  }

  /** Its USAGE is written. */
  close(id: RequestId): void {
    const place = this.#placeOf(id);
    if (place === NONE) return;
    this.#unchain(id, place);
    this.#moveTo(place, undefined);
    this.#intents[place] = undefined;
    this.#progress[place] = undefined;
    this.#next[place] = this.#firstFree;
    this.#firstFree = place;
    this.#count -= 1;
  }

  /** What a segment says about requests that still run and are not just ending, to be written again elsewhere. */
  standingIn(segment: Segment): readonly SpoolRecord[] {
    const records: SpoolRecord[] = [];
    for (let place = 0; place < this.#intents.length; place += 1) {
      const intent = this.#intents[place];
      if (intent === undefined || this.#segments[place] !== segment || this.#isEnding[place]) continue;
      records.push(intent);
      const progress = this.#progress[place];
      if (progress !== undefined) records.push(progress);
    }
    return records;
  }

  #open(intent: IntentRecord, segment: Segment): void {
    if (this.#count === this.#chains.length) this.#rechain();
    const place = this.#freePlace();
    this.#intents[place] = intent;
    this.#segments[place] = segment;
    this.#progress[place] = undefined;
    this.#isEnding[place] = false;
    this.#chain(intent.id, place);
    this.#count += 1;
  }

  /** Where its INTENT stood it is not counted any more. */
  #moveTo(place: number, segment: Segment | undefined): void {
    const former = this.#segments[place];
    if (former !== undefined) former.openIntents -= 1;
    this.#segments[place] = segment;
  }

  #freePlace(): number {
    const place = this.#firstFree;
    if (place === NONE) return this.#intents.length;
    this.#firstFree = this.#next[place] ?? NONE;
    return place;
  }

  #placeOf(id: RequestId): number {
    let place = this.#chains[this.#chainOf(id)] ?? NONE;
    while (place !== NONE && this.#intents[place]?.id !== id) place = this.#next[place] ?? NONE;
    return place;
  }

  #chain(id: RequestId, place: number): void {
    const chain = this.#chainOf(id);
    this.#next[place] = this.#chains[chain] ?? NONE;
    this.#chains[chain] = place;
  }

  #unchain(id: RequestId, place: number): void {
    const chain = this.#chainOf(id);
    const next = this.#next[place] ?? NONE;
    let before = this.#chains[chain] ?? NONE;
    if (before === place) {
      this.#chains[chain] = next;
      return;
    }
    while (this.#next[before] !== place) before = this.#next[before] ?? NONE;
    this.#next[before] = next;
  }

  #chainOf(id: RequestId): number {
    let sum = 0;
    for (let at = Math.max(0, id.length - TELLING_LETTERS); at < id.length; at += 1) {
      sum = Math.imul(sum, 31) + id.charCodeAt(at);
    }
    return sum & (this.#chains.length - 1);
  }

  /** Twice as many chains, for all who are there. */
  #rechain(): void {
    this.#chains = new Int32Array(this.#chains.length * 2).fill(NONE);
    for (let place = 0; place < this.#intents.length; place += 1) {
      const intent = this.#intents[place];
      if (intent !== undefined) this.#chain(intent.id, place);
    }
  }
}
