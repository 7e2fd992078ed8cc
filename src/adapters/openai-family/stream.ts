import type { GenerationEvent } from "../../core/generation.ts";
import { MAX_FRAME_BYTES } from "../../core/limits.ts";
import { EMPTY_PASSAGE, type Passage, type StreamMode, type StreamReader } from "../adapter.ts";
import { dataFrame } from "../sse/data-frame.ts";
import { byteOrderMarkLength, emptyLineLength, frameEnd } from "../sse/event-stream.ts";
import { createFrameSplitter } from "../sse/frame-splitter.ts";
import { createCarriedReasoning } from "./carried-reasoning.ts";
import { createDeltaTemplates, type Found } from "./delta-template.ts";
import type { ChunkReading } from "./events.ts";
import { controlOnly, createFrameReader, endsStream, FRAME_TOO_LARGE, isEndMarker } from "./frames.ts";
import { KeptBytes } from "./kept-bytes.ts";
import type { Member } from "./member.ts";
import { createSaid } from "./said.ts";
import { createTally } from "./tally.ts";

/** The reader of one OpenAI-shaped stream, chat or legacy completions. */
export function openStream(
  member: Member,
  mode: StreamMode,
  secret: string,
  remembers = false,
  carriesReasoning = false,
): StreamReader {
  const splitter = createFrameSplitter();
  const readFrame = createFrameReader(member, secret);
  const templates = createDeltaTemplates();
  const tally = createTally();
  const said = remembers ? createSaid() : undefined;
  const carried = carriesReasoning && mode === "passthrough" ? createCarriedReasoning() : undefined;
  let isOver = false;
  let isFirstBlock = true;

  /** Counts and remembers what the last match found. */
  function note(view: Buffer): void {
    const { like, start, end, chars } = templates.found;
    tally.addChars(chars, like.type === "reasoning");
    said?.addJson(like, view, start, end);
    carried?.addJson(like, view, start, end);
  }

  /** Reads a run of whole frames. Everything after the end marker or a failure is nobody's. */
  function readBlock(block: Uint8Array): Passage {
    const view = Buffer.isBuffer(block)
      ? block
      : Buffer.from(block.buffer, block.byteOffset, block.byteLength);
    const text = view.toString("latin1");
    // One token in a read, like those before it: the usual case of a paced stream.
    if (mode === "passthrough" && !isFirstBlock && isKnown(templates.match(text, 0), 0, text.length)) {
      note(view);
      return { events: NO_EVENTS, hasContent: true, bytes: block };
    }
    const events: GenerationEvent[] = [];
    const kept = new KeptBytes(block);
    let hasContent = false;
    let at = isFirstBlock ? byteOrderMarkLength(block) : 0;
    isFirstBlock = false;
    while (at < text.length && !isOver) {
      const known = templates.match(text, at);
      if (isKnown(known, at, known)) {
        const { found } = templates;
        if (mode === "events") events.push(eventOf(found, view.toString("utf8", found.start, found.end)));
        else kept.keep(at, known);
        note(view);
        hasContent = true;
        at = known;
        continue;
      }
      const blank = emptyLineLength(text, at);
      const end = blank > 0 ? at + blank : frameEnd(text, at);
      const isTooLarge = end - at > MAX_FRAME_BYTES;
      const frame = isTooLarge ? "" : view.toString("utf8", at, end);
      const reading = isTooLarge ? controlOnly(FRAME_TOO_LARGE) : readFrame(frame);
      if (reading !== undefined) {
        if (reading.hasContent) {
          tally.addEvents(reading.content);
          said?.addEvents(reading.content);
          carried?.addEvents(reading.content);
        }
        hasContent ||= reading.hasContent;
        if (mode === "events") for (const event of reading.content) events.push(event);
        for (const event of reading.control) {
          if (event.type === "usage") tally.markUsage();
          events.push(event);
        }
        isOver = endsStream(reading.control);
        const repeated = carried?.before(frame, reading.control);
        if (repeated !== undefined) kept.add(dataFrame(repeated));
        show(kept, reading, at, end);
        const only = soleContent(reading);
        // Decoded anew: a slice would keep the whole block's text alive as long as the stream.
        if (only !== undefined) templates.learn(view.toString("latin1", at, end), only);
      }
      at = end;
    }
    const bytes = mode === "passthrough" ? kept.bytes() : undefined;
    return bytes === undefined ? { events, hasContent } : { events, hasContent, bytes };
  }

  return {
    push(chunk) {
      if (isOver) return EMPTY_PASSAGE;
      const block = splitter.push(chunk);
      const passage = block === undefined ? EMPTY_PASSAGE : readBlock(block);
      if (!splitter.isOverflown || isOver) return passage;
      isOver = true;
      return { ...passage, events: [...passage.events, FRAME_TOO_LARGE] };
    },
    close() {
      if (isOver) return EMPTY_PASSAGE;
      isOver = true;
      const isEnd = isEndMarker(Buffer.from(splitter.rest()).toString("utf8"));
      return isEnd ? { events: [{ type: "end" }], hasContent: false } : EMPTY_PASSAGE;
    },
    delivered: tally.delivered,
    get deliveredAtUsage() {
      return tally.atUsage;
    },
    ...(said === undefined ? {} : { said }),
  };
}

const NO_EVENTS: readonly GenerationEvent[] = [];

/** A frame at `at` was recognised, ends at `end`, and is not too large. */
const isKnown = (matched: number, at: number, end: number): boolean =>
  matched >= 0 && matched === end && matched - at <= MAX_FRAME_BYTES;

/** The event of a recognised frame, out of its content as it stands in the JSON. */
function eventOf({ like }: Found, json: string): GenerationEvent {
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

function show(kept: KeptBytes, reading: ChunkReading, start: number, end: number): void {
  if (reading.forClient === "keep") kept.keep(start, end);
  else if (reading.forClient !== "drop") kept.add(dataFrame(reading.forClient));
}

/** The event of a frame that is ordinary content and nothing else. */
function soleContent(reading: ChunkReading): GenerationEvent | undefined {
  const isSole = reading.content.length === 1 && reading.control.length === 0;
  return isSole && reading.forClient === "keep" ? reading.content[0] : undefined;
}
