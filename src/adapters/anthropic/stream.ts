import type { GenerationEvent } from "../../core/generation.ts";
import { MAX_FRAME_BYTES } from "../../core/limits.ts";
import { EMPTY_PASSAGE, type Passage, type StreamMode, type StreamReader } from "../adapter.ts";
import { endsStream, FRAME_TOO_LARGE } from "../openai-family/frames.ts";
import { createSaid } from "../openai-family/said.ts";
import { createTally } from "../openai-family/tally.ts";
import { createChunkFrames } from "../openai-frames/chunk-frames.ts";
import { isExtension, type Shown } from "../openai-frames/shown.ts";
import { readFrame, readFrames } from "../sse/event-stream.ts";
import { createFrameSplitter } from "../sse/frame-splitter.ts";
import { createEventReader, isEndEvent } from "./events.ts";

/**
 * The reader of one Messages stream. `passthrough` gives OpenAI's frames, written here.
 * @param created epoch seconds, for the chunks
 */
export function openStream(
  mode: StreamMode,
  secret: string,
  created: number,
  remembers = false,
): StreamReader {
  const splitter = createFrameSplitter();
  const reader = createEventReader(secret);
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
      const content = eventsIn(said).filter(isContent);
      if (content.length > 0) {
        tally.addEvents(content);
        memory?.addEvents(content);
        hasContent = true;
      }
      if (said.some(({ type }) => type === "usage")) tally.markUsage();
      shown.push(...said);
      isOver = endsStream(eventsIn(said));
      if (isOver) break;
    }
    return passage(shown, hasContent);
  }

  function passage(shown: readonly Shown[], hasContent: boolean): Passage {
    const events = eventsIn(shown);
    if (mode === "events") return { events, hasContent };
    const bytes = frames.encode(shown);
    const control = events.filter((event) => !isContent(event));
    return { events: control, hasContent, ...(bytes === undefined ? {} : { bytes }) };
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
      const { data } = readFrame(Buffer.from(splitter.rest()).toString("utf8"));
      return isEndEvent(data ?? "") ? { events: [{ type: "end" }], hasContent: false } : EMPTY_PASSAGE;
    },
    delivered: tally.delivered,
    get deliveredAtUsage() {
      return tally.atUsage;
    },
    ...(memory === undefined ? {} : { said: memory }),
  };
}

const eventsIn = (shown: readonly Shown[]): readonly GenerationEvent[] =>
  shown.flatMap((item) => (isExtension(item) ? [] : [item]));

const isContent = ({ type }: GenerationEvent): boolean =>
  type === "text" || type === "reasoning" || type === "refusal" || type === "toolCall";
