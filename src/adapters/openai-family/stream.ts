import type { GenerationEvent } from "../../core/generation.ts";
import { MAX_FRAME_BYTES } from "../../core/limits.ts";
import { EMPTY_PASSAGE, type Passage, type StreamMode, type StreamReader } from "../adapter.ts";
import { dataFrame } from "../sse/data-frame.ts";
import { emptyLineLength, frameEnd } from "../sse/event-stream.ts";
import { type CarriedReasoning, createCarriedReasoning } from "./carried-reasoning.ts";
import { createDeltaTemplates, type Found } from "./delta-template.ts";
import { ChunkReader, type ChunkReading } from "./events.ts";
import { FrameStream } from "./frame-stream.ts";
import { controlOnly, endsStream, FRAME_TOO_LARGE, isEndMarker, readFrameOf } from "./frames.ts";
import { KeptBytes } from "./kept-bytes.ts";
import type { Member } from "./member.ts";

/** The reader of one OpenAI-shaped stream, chat or legacy completions. */
export function openStream(
  member: Member,
  mode: StreamMode,
  secret: string,
  remembers = false,
  carriesReasoning = false,
): StreamReader {
  return new FamilyStream(member, mode, secret, remembers, carriesReasoning);
}

class FamilyStream extends FrameStream {
  readonly #passesThrough: boolean;
  readonly #chunks: ChunkReader;
  readonly #templates = createDeltaTemplates();
  readonly #carried: CarriedReasoning | undefined;

  constructor(
    member: Member,
    mode: StreamMode,
    secret: string,
    remembers: boolean,
    carriesReasoning: boolean,
  ) {
    super(remembers);
    this.#passesThrough = mode === "passthrough";
    this.#chunks = new ChunkReader(member, secret);
    this.#carried = carriesReasoning && this.#passesThrough ? createCarriedReasoning() : undefined;
  }

  protected override readBlock(block: Buffer, start: number): Passage {
    if (!this.#passesThrough) return this.#readOn(block, start, start);
    // Tokens like those before them, and nothing else: the usual case, in which nothing is made of them.
    const known = this.#recognise(block, start);
    if (known < block.length || start > 0) return this.#readOn(block, start, known);
    return { events: NO_EVENTS, hasContent: true, bytes: block };
  }

  protected override readRest(rest: string): Passage {
    return isEndMarker(rest) ? { events: [{ type: "end" }], hasContent: false } : EMPTY_PASSAGE;
  }

  /** Where the recognised frames end that stand at `start`. */
  #recognise(view: Buffer, start: number): number {
    let at = start;
    while (at < view.length) {
      const end = this.#templates.match(view, at);
      if (!isKnown(at, end)) break;
      this.#note(view);
      at = end;
    }
    return at;
  }

  /** Counts and remembers what the last match found. */
  #note(view: Buffer): void {
    const { like, start, end, chars } = this.#templates.found;
    this.tally.addChars(chars, like.type === "reasoning");
    this.said?.addJson(like, view, start, end);
    this.#carried?.addJson(like, view, start, end);
  }

  /** @param known where the frames end that stand at `start` and were recognised already */
  #readOn(view: Buffer, start: number, known: number): Passage {
    const read = new BlockReading(view, start, known);
    // Where a frame ends is looked for in a text of one byte a character, in which places are places in the block.
    let text: string | undefined;
    for (let at = known; at < view.length && !this.isOver; ) {
      const end = this.#templates.match(view, at);
      if (isKnown(at, end)) {
        if (this.#passesThrough) read.kept.keep(at, end);
        else read.add(eventOf(this.#templates.found, view));
        this.#note(view);
        read.hasContent = true;
        at = end;
        continue;
      }
      text ??= view.toString("latin1");
      const blank = emptyLineLength(text, at);
      const next = blank > 0 ? at + blank : frameEnd(text, at);
      this.#readFrame(read, at, next);
      at = next;
    }
    return read.passage(this.#passesThrough);
  }

  /** Parses what stands from `at` to `end`. */
  #readFrame(read: BlockReading, at: number, end: number): void {
    const { view, kept } = read;
    const isTooLarge = end - at > MAX_FRAME_BYTES;
    const frame = isTooLarge ? "" : view.toString("utf8", at, end);
    const reading = isTooLarge ? TOO_LARGE : readFrameOf(this.#chunks, frame);
    if (reading === undefined) return;
    const { content, control } = reading;
    if (reading.hasContent) {
      this.tally.addEvents(content);
      this.said?.addEvents(content);
      this.#carried?.addEvents(content);
      read.hasContent = true;
    }
    if (!this.#passesThrough) for (const event of content) read.add(event);
    for (const event of control) {
      if (event.type === "usage") this.tally.markUsage();
      read.add(event);
    }
    this.isOver = endsStream(control);
    const repeated = this.#carried?.before(frame, control);
    if (repeated !== undefined) kept.add(dataFrame(repeated));
    if (reading.forClient === "keep") kept.keep(at, end);
    else if (reading.forClient !== "drop") kept.add(dataFrame(reading.forClient));
    const only = soleContent(reading);
    if (only !== undefined) this.#templates.learn(view.subarray(at, end), only);
  }
}

/** What a run of frames comes to. */
class BlockReading {
  hasContent: boolean;
  readonly kept: KeptBytes;
  #events: GenerationEvent[] | undefined;

  /** @param known the frames that stand from `start` to here were recognised, as content that goes on as it is */
  constructor(
    readonly view: Buffer,
    start: number,
    known: number,
  ) {
    this.kept = new KeptBytes(view);
    this.hasContent = known > start;
    if (known > start) this.kept.keep(start, known);
  }

  add(event: GenerationEvent): void {
    if (this.#events === undefined) this.#events = [event];
    else this.#events.push(event);
  }

  passage(withBytes: boolean): Passage {
    const events = this.#events ?? NO_EVENTS;
    const bytes = withBytes ? this.kept.bytes() : undefined;
    const { hasContent } = this;
    return bytes === undefined ? { events, hasContent } : { events, hasContent, bytes };
  }
}

const NO_EVENTS: readonly GenerationEvent[] = Object.freeze([]);
const TOO_LARGE = controlOnly(FRAME_TOO_LARGE);

/** A frame at `at` was recognised and is not too large. */
const isKnown = (at: number, end: number): boolean => end >= 0 && end - at <= MAX_FRAME_BYTES;

/** The event of a recognised frame, out of its content as it stands in the JSON. */
function eventOf({ like, start, end }: Found, view: Buffer): GenerationEvent {
  const json = view.toString("utf8", start, end);
  const text: string = json.includes("\\") ? JSON.parse(`"${json}"`) : json;
  switch (like.type) {
    case "text":
      return { type: "text", choice: like.choice, text };
    case "reasoning":
      return { type: "reasoning", choice: like.choice, text };
    case "toolCall":
      return { type: "toolCall", choice: like.choice, call: like.call, arguments: text };
    default:
      throw new Error(`no shape is learned from a ${like.type}`);
  }
}

/** The event of a frame that is ordinary content and nothing else. */
function soleContent(reading: ChunkReading): GenerationEvent | undefined {
  const isSole = reading.content.length === 1 && reading.control.length === 0;
  return isSole && reading.forClient === "keep" ? reading.content[0] : undefined;
}
