import type { GenerationEvent } from "../../core/generation.ts";
import { MAX_FRAME_BYTES } from "../../core/limits.ts";
import { EMPTY_PASSAGE, type Passage, type StreamMode, type StreamReader } from "../adapter.ts";
import { isObject, parseJson } from "../json.ts";
import { endsStream, FRAME_TOO_LARGE } from "../openai-family/frames.ts";
import { KeptBytes } from "../openai-family/kept-bytes.ts";
import { createSaid } from "../openai-family/said.ts";
import { createTally } from "../openai-family/tally.ts";
import { byteOrderMarkLength, emptyLineLength, frameEnd, readFrame } from "../sse/event-stream.ts";
import { createFrameSplitter } from "../sse/frame-splitter.ts";
import { createChunkFrames } from "./chunk-frames.ts";
import { frameAlone, keepFrame, type OwnFrames, rewritten } from "./own-frames.ts";
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
  /** The client speaks the vendor's dialect: `passthrough` gives the vendor's own frames. */
  readonly own?: OwnFrames | undefined;
}

/** The reader of one SSE stream that is not OpenAI's: frames to events, and events to OpenAI's frames where those are wanted. */
export function createTranslatedStream(reader: WireReader, options: TranslatedStreamOptions): StreamReader {
  const { mode, created, remembers, own } = options;
  const splitter = createFrameSplitter();
  const frames = createChunkFrames(() => ({ id: reader.id, model: reader.model, created }));
  const tally = createTally();
  const memory = remembers ? createSaid() : undefined;
  let isOver = false;
  let isFirstBlock = true;

  /** Reads a run of whole frames. Everything after the end or a failure is nobody's. */
  function readBlock(block: Uint8Array): Passage {
    const view = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
    // Places in it are places in the block.
    const text = view.toString("latin1");
    const kept = new KeptBytes(block);
    const shown: Shown[] = [];
    let hasContent = false;
    let closing: Uint8Array | undefined;
    let at = isFirstBlock ? byteOrderMarkLength(block) : 0;
    isFirstBlock = false;
    while (at < text.length && !isOver) {
      const start = at;
      const blank = emptyLineLength(text, start);
      at = blank > 0 ? start + blank : frameEnd(text, start);
      const frame = view.toString("utf8", start, at);
      const { data, event } = readFrame(frame);
      if (data === undefined || data.trim() === "") continue;
      const said = Buffer.byteLength(data) > MAX_FRAME_BYTES ? [FRAME_TOO_LARGE] : reader.readData(data);
      hasContent = count(said) || hasContent;
      shown.push(...said);
      isOver = endsStream(eventsIn(said));
      if (own?.isShown(data, said, event) === true) keepFrame(kept, frame, start, at);
      if (own?.isClosing?.(data, said) === true) closing = frameAlone(frame);
    }
    return passage(shown, hasContent, kept.bytes(), closing);
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

  /**
   * @param ownBytes the vendor's own frames for the client
   * @param closing the vendor's own frame that ends them
   */
  function passage(
    shown: readonly Shown[],
    hasContent: boolean,
    ownBytes?: Uint8Array,
    closing?: Uint8Array,
  ): Passage {
    const events = eventsIn(shown);
    if (mode === "events") return { events, hasContent };
    const bytes = own === undefined ? frames.encode(shown) : ownBytes;
    const control = events.filter((event) => !isContent(event));
    return {
      events: control,
      hasContent,
      ...(bytes === undefined ? {} : { bytes }),
      ...(closing === undefined ? {} : { closing }),
      ...(own === undefined || (bytes ?? closing) === undefined ? {} : { dialect: own.dialect }),
    };
  }

  /** A last frame that is whole but for the empty line after it. Half an object is never JSON. */
  function readRest(): Passage {
    const frame = Buffer.from(splitter.rest()).toString("utf8");
    const { data, event } = readFrame(frame);
    const rest = data !== undefined && isObject(parseJson(data)) ? reader.readData(data) : [];
    const hasContent = count(rest);
    const isShown = data !== undefined && rest.length > 0 && own?.isShown(data, rest, event) === true;
    const isClosing = data !== undefined && own?.isClosing?.(data, rest) === true;
    const shown = endsStream(eventsIn(rest)) ? rest : [...rest, ...reader.closed()];
    const alone = isShown || isClosing ? rewritten(frame) : undefined;
    return passage(shown, hasContent, isShown ? alone : undefined, isClosing ? alone : undefined);
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
      return readRest();
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
