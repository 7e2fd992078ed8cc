import type { GenerationEvent } from "../../core/generation.ts";
import { MAX_FRAME_BYTES } from "../../core/limits.ts";
import type { Passage, StreamMode, StreamReader } from "../adapter.ts";
import { isObject, parseJson } from "../json.ts";
import { FrameStream } from "../openai-family/frame-stream.ts";
import { endsStream, FRAME_TOO_LARGE } from "../openai-family/frames.ts";
import { KeptBytes } from "../openai-family/kept-bytes.ts";
import { emptyLineLength, frameEnd, readFrame } from "../sse/event-stream.ts";
import { createChunkFrames } from "./chunk-frames.ts";
import type { AnswerNames } from "./names.ts";
import { frameAlone, keepFrame, type OwnFrames, rewritten } from "./own-frames.ts";
import { eventsIn, NOTHING_SHOWN, type Shown } from "./shown.ts";

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
export const createTranslatedStream = (reader: WireReader, options: TranslatedStreamOptions): StreamReader =>
  new TranslatedStream(reader, options);

class TranslatedStream extends FrameStream implements AnswerNames {
  readonly created: number;
  readonly #passesThrough: boolean;
  readonly #own: OwnFrames | undefined;
  readonly #frames = createChunkFrames(this);

  constructor(
    readonly reader: WireReader,
    { mode, created, remembers, own }: TranslatedStreamOptions,
  ) {
    super(remembers);
    this.created = created;
    this.#passesThrough = mode === "passthrough";
    this.#own = own;
  }

  get id(): string {
    return this.reader.id;
  }

  get model(): string {
    return this.reader.model;
  }

  protected override readBlock(block: Buffer, from: number): Passage {
    // Places in it are places in the block.
    const text = block.toString("latin1");
    const kept = this.#own === undefined ? undefined : new KeptBytes(block);
    const shown = new Gathered();
    let hasContent = false;
    let closing: Uint8Array | undefined;
    let at = from;
    while (at < text.length && !this.isOver) {
      const start = at;
      const blank = emptyLineLength(text, start);
      at = blank > 0 ? start + blank : frameEnd(text, start);
      const frame = block.toString("utf8", start, at);
      const { data, event } = readFrame(frame);
      if (data === undefined || data.trim() === "") continue;
      const said = this.#read(data);
      hasContent = this.#count(said) || hasContent;
      shown.add(said);
      this.isOver = endsStream(said);
      if (kept === undefined) continue;
      if (this.#own?.isShown(data, said, event) === true) keepFrame(kept, frame, start, at);
      if (this.#own?.isClosing?.(data, said) === true) closing = frameAlone(frame);
    }
    return this.#passage(shown.all, hasContent, kept?.bytes(), closing);
  }

  #read(data: string): readonly Shown[] {
    return Buffer.byteLength(data) > MAX_FRAME_BYTES ? TOO_LARGE : this.reader.readData(data);
  }

  /** True when one frame held content. */
  #count(said: readonly Shown[]): boolean {
    const events = eventsIn(said);
    const content = events.every(isContent) ? events : events.filter(isContent);
    if (content.length > 0) {
      this.tally.addEvents(content);
      this.said?.addEvents(content);
    }
    if (events.some(isUsage)) this.tally.markUsage();
    return content.length > 0;
  }

  /**
   * @param ownBytes the vendor's own frames for the client
   * @param closing the vendor's own frame that ends them
   */
  #passage(
    shown: readonly Shown[],
    hasContent: boolean,
    ownBytes?: Uint8Array,
    closing?: Uint8Array,
  ): Passage {
    const all = eventsIn(shown);
    if (!this.#passesThrough) return { events: all, hasContent };
    const events = all.every(isContent) ? NO_EVENTS : all.filter(isControl);
    const own = this.#own;
    const bytes = own === undefined ? this.#frames.encode(shown) : ownBytes;
    if (own !== undefined && closing !== undefined) {
      const { dialect } = own;
      const last = { events, hasContent, closing, dialect };
      return bytes === undefined ? last : { ...last, bytes };
    }
    if (bytes === undefined) return { events, hasContent };
    return own === undefined
      ? { events, hasContent, bytes }
      : { events, hasContent, bytes, dialect: own.dialect };
  }

  /** Half an object is never JSON. */
  protected override readRest(frame: string): Passage {
    const own = this.#own;
    const { data, event } = readFrame(frame);
    const rest = data !== undefined && isObject(parseJson(data)) ? this.reader.readData(data) : [];
    const hasContent = this.#count(rest);
    const isShown = data !== undefined && rest.length > 0 && own?.isShown(data, rest, event) === true;
    const isClosing = data !== undefined && own?.isClosing?.(data, rest) === true;
    const shown = endsStream(rest) ? rest : [...rest, ...this.reader.closed()];
    const alone = isShown || isClosing ? rewritten(frame) : undefined;
    return this.#passage(shown, hasContent, isShown ? alone : undefined, isClosing ? alone : undefined);
  }
}

const NO_EVENTS: readonly GenerationEvent[] = Object.freeze([]);
const TOO_LARGE: readonly Shown[] = [FRAME_TOO_LARGE];

/** What the frames of one read say: mostly it is one that says something, whose list is taken as it is. */
class Gathered {
  #only = NOTHING_SHOWN;
  #several: Shown[] | undefined;

  get all(): readonly Shown[] {
    return this.#several ?? this.#only;
  }

  add(said: readonly Shown[]): void {
    if (said.length === 0) return;
    if (this.#several !== undefined) this.#several.push(...said);
    else if (this.#only.length === 0) this.#only = said;
    else this.#several = [...this.#only, ...said];
  }
}

const isContent = ({ type }: GenerationEvent): boolean =>
  type === "text" || type === "reasoning" || type === "refusal" || type === "toolCall";

const isControl = (event: GenerationEvent): boolean => !isContent(event);
const isUsage = ({ type }: GenerationEvent): boolean => type === "usage";
