import type { Passage, StreamMode } from "../../adapters/adapter.ts";
import type { GenerationEvent, GenerationRequest } from "../../core/generation.ts";
import { NOT_YET, type NotYet, type Pollable } from "../../core/poll.ts";
import type { Ticket } from "../vendor-desk.ts";
import type { VendorStream } from "../vendor-stream.ts";
import { type ChunkHead, chunkHeadIn, continuedFrames, firstLineOf } from "./continued-frames.ts";
import type { Continued } from "./continued-request.ts";
import { Seam } from "./seam.ts";

/** One vendor's part of an answer, as the client is to see it: the passages of its reads, null once it is over. */
export interface Leg extends Pollable<Passage | null> {
  readonly vendor: VendorStream;
  readonly ticket: Ticket;
  /** What this vendor was asked. */
  readonly request: GenerationRequest;
  /** What was held back, for when the vendor is over and nobody follows. */
  rest(): Passage | undefined;
  /** What the client has of the answer; undefined when nobody can go on with it. */
  standing(): Standing | undefined;
}

/** What a client has of an answer. */
export interface Standing {
  readonly text: string;
  /** How the client's chunks are named; undefined where it gets no chunks, or none came. */
  readonly head: ChunkHead | undefined;
}

/**
 * Reads until the first content or the end, as far as it has come: up to there another vendor could serve instead. False:
 * the leg has to be waited for, and is to be primed on.
 * @param read gets what was read
 */
export function prime(leg: Leg, read: Passage[]): boolean {
  const { vendor } = leg;
  while (!vendor.hasContent && vendor.end === undefined) {
    const passage = leg.poll();
    if (passage === NOT_YET) return false;
    if (passage !== null && hasMore(passage)) read.push(passage);
  }
  return true;
}

export const hasMore = ({ bytes, events }: Passage): boolean => bytes !== undefined || events.length > 0;

/** The vendor that begins: what it says goes out as it comes. */
export class FirstLeg implements Leg {
  /** The first frames, for the names in them. */
  #head: Uint8Array | undefined;

  constructor(
    readonly vendor: VendorStream,
    readonly ticket: Ticket,
    readonly request: GenerationRequest,
  ) {}

  poll(): Passage | null | NotYet {
    const passage = this.vendor.poll();
    if (passage === NOT_YET || this.#head !== undefined || this.vendor.said === undefined) return passage;
    return this.#named(passage);
  }

  whenReady(run: () => void): void {
    this.vendor.whenReady(run);
  }

  #named(passage: Passage | null): Passage | null {
    if (passage?.bytes !== undefined && this.#head === undefined) {
      // Only chunks of OpenAI's have names that another vendor's are to bear.
      if (passage.dialect === undefined) this.#head = firstLineOf(passage.bytes);
    }
    return passage;
  }

  rest(): undefined {}

  standing(): Standing | undefined {
    const { said } = this.vendor;
    if (said === undefined || said.isBeyondText) return undefined;
    return { text: said.text(), head: this.#head === undefined ? undefined : chunkHeadIn(this.#head) };
  }
}

/** A vendor that goes on: its text without what it repeats, under the first one's names, and no more reasoning. */
export class ContinuedLeg implements Leg {
  readonly #seam: Seam;
  #text: string;
  #isBeyondText = false;

  constructor(
    readonly vendor: VendorStream,
    readonly ticket: Ticket,
    readonly continued: Continued,
    readonly before: Standing,
    readonly mode: StreamMode,
  ) {
    this.#seam = new Seam(continued.juncture);
    this.#text = before.text;
  }

  get request(): GenerationRequest {
    return this.continued.request;
  }

  poll(): Passage | null | NotYet {
    const passage = this.vendor.poll();
    return passage === NOT_YET ? passage : this.#continued(passage);
  }

  whenReady(run: () => void): void {
    this.vendor.whenReady(run);
  }

  #continued(passage: Passage | null): Passage | null {
    if (passage === null) return null;
    return this.#passage(
      passage.events.flatMap((event) => this.#shown(event)),
      passage.hasContent,
    );
  }

  rest(): Passage | undefined {
    const events = this.#held();
    return events.length === 0 ? undefined : this.#passage(events, true);
  }

  standing(): Standing | undefined {
    return this.#isBeyondText ? undefined : { text: this.#text, head: this.before.head };
  }

  #passage(events: readonly GenerationEvent[], hasContent: boolean): Passage {
    if (this.mode === "events") return { events, hasContent };
    const { head = {} } = this.before;
    const bytes = continuedFrames(head, this.request.operation === "completion", events);
    const control = events.filter(
      ({ type }) => type === "finish" || type === "usage" || type === "failure" || type === "end",
    );
    return { events: control, hasContent, ...(bytes === undefined ? {} : { bytes }) };
  }

  #shown(event: GenerationEvent): readonly GenerationEvent[] {
    switch (event.type) {
      case "text":
        return event.choice === 0 ? this.#said(this.#seam.push(event.text)) : [];
      case "reasoning":
        return [];
      case "refusal":
      case "toolCall":
        this.#isBeyondText = true;
        return [...this.#held(), event];
      case "finish":
        return [...this.#held(), event];
      default:
        return [event];
    }
  }

  #held(): readonly GenerationEvent[] {
    return this.#said(this.#seam.flush());
  }

  #said(text: string): readonly GenerationEvent[] {
    if (text === "") return [];
    this.#text += text;
    return [{ type: "text", choice: 0, text }];
  }
}
