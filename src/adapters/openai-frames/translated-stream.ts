import type { GenerationEvent } from "../../core/generation.ts";
import { MAX_FRAME_BYTES } from "../../core/limits.ts";
import { EMPTY_PASSAGE, type Passage, type StreamMode, type StreamReader } from "../adapter.ts";
import { isObject, parseJson } from "../json.ts";
import { endsStream, FRAME_TOO_LARGE } from "../openai-family/frames.ts";
import { createSaid } from "../openai-family/said.ts";
import { createTally } from "../openai-family/tally.ts";
import { readFrame, readFrames } from "../sse/event-stream.ts";
import { createFrameSplitter } from "../sse/frame-splitter.ts";
import { createChunkFrames } from "./chunk-frames.ts";
import { eventsIn, type Shown } from "./shown.ts";

/** Reads the frames of one stream of a vendor's own wire, in order; keeps what spans them. */
export interface WireReader {
  /** The `data:` of a frame. */
  readData(data: string): readonly Shown[];
  /** The vendor closed the connection: what that says on this wire. */
  closed(): readonly Shown[];
  /** As the vendor names its answer; empty until it has. */
  readonly id: string;
  readonly model: string;
}

export interface TranslatedStreamOptions {
  /** `passthrough` gives OpenAI's frames, written here. */
  readonly mode: StreamMode;
  /** Epoch seconds, for the chunks. */
  readonly created: number;
  readonly remembers: boolean;
}

/** The reader of one SSE stream that is not OpenAI's: frames to events, and events to OpenAI's frames. */
export function createTranslatedStream(reader: WireReader, options: TranslatedStreamOptions): StreamReader {
  const { mode, created, remembers } = options;
  const splitter = createFrameSplitter();
  const frames = createChunkFrames(() => ({ id: reader.id, model: reader.model, created }));
  const tally = createTally();
  const memory = remembers ? createSaid() : undefined;
  let isOver = false;

  /** Reads a run of whole frames. Everything after the end or a failure is nobody's. */
  function readBlock(block: Uint8Array): Passage {
    const shown: Shown[] = [];
    let hasContent = false;
    for (const { data } of readFrames(Buffer.from(block).toString("utf8"))) {
      if (data === undefined || data.trim() === "") continue;
      const said = Buffer.byteLength(data) > MAX_FRAME_BYTES ? [FRAME_TOO_LARGE] : reader.readData(data);
      hasContent = count(said) || hasContent;
      shown.push(...said);
      isOver = endsStream(eventsIn(said));
      if (isOver) break;
    }
    return passage(shown, hasContent);
  }

  /** True when one frame held content. */
  function count(said: readonly Shown[]): boolean {
    const content = eventsIn(said).filter(isContent);
    if (content.length > 0) {
      tally.addEvents(content);
      memory?.addEvents(content);
    }
    if (said.some(({ type }) => type === "usage")) tally.markUsage();
    return content.length > 0;
  }

  function passage(shown: readonly Shown[], hasContent: boolean): Passage {
    const events = eventsIn(shown);
    if (mode === "events") return { events, hasContent };
    const bytes = frames.encode(shown);
    const control = events.filter((event) => !isContent(event));
    return { events: control, hasContent, ...(bytes === undefined ? {} : { bytes }) };
  }

  /** A last frame that is whole but for the empty line after it. Half an object is never JSON. */
  function readRest(): readonly Shown[] {
    const { data } = readFrame(Buffer.from(splitter.rest()).toString("utf8"));
    return data !== undefined && isObject(parseJson(data)) ? reader.readData(data) : [];
  }

  return {
    push(chunk) {
      if (isOver) return EMPTY_PASSAGE;
      const block = splitter.push(chunk);
      const read = block === undefined ? EMPTY_PASSAGE : readBlock(block);
      if (!splitter.isOverflown || isOver) return read;
      isOver = true;
      return { ...read, events: [...read.events, FRAME_TOO_LARGE] };
    },
    close() {
      if (isOver) return EMPTY_PASSAGE;
      isOver = true;
      const rest = readRest();
      const hasContent = count(rest);
      return passage(endsStream(eventsIn(rest)) ? rest : [...rest, ...reader.closed()], hasContent);
    },
    delivered: tally.delivered,
    get deliveredAtUsage() {
      return tally.atUsage;
    },
    ...(memory === undefined ? {} : { said: memory }),
  };
}

const isContent = ({ type }: GenerationEvent): boolean =>
  type === "text" || type === "reasoning" || type === "refusal" || type === "toolCall";
