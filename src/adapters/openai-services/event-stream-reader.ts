import type { GenerationEvent, JsonObject } from "../../core/generation.ts";
import type { Usage } from "../../core/usage.ts";
import { EMPTY_PASSAGE, type Passage } from "../adapter.ts";
import { isObject, parseJson, textOf } from "../json.ts";
import { hasError, unreadable } from "../openai-family/errors.ts";
import { FRAME_TOO_LARGE } from "../openai-family/frames.ts";
import { byteOrderMarkLength, emptyLineLength, frameEnd, readFrame } from "../sse/event-stream.ts";
import { createFrameSplitter } from "../sse/frame-splitter.ts";
import type { Judge } from "./service.ts";

/** What a stream of OpenAI's named events (`speech.audio.*`, `transcript.text.*`) is made of. */
export interface EventKinds {
  /** The event that says everything is said: behind it comes nothing but `[DONE]`. */
  readonly done: string;
  usageIn(event: JsonObject): Usage | undefined;
  /** Told of every event before the last one. True: it is content. `shown` replaces its frame. */
  take(event: JsonObject): { readonly hasContent: boolean; readonly shown?: Uint8Array | undefined };
  /** Whether the last event is content by itself: a recording may be silent. */
  readonly endsAlone: boolean;
}

/** Reads bytes into passages; frames are kept as they came unless `take` shows something else. */
export function createEventStreamReader(kinds: EventKinds, judge: Judge) {
  const splitter = createFrameSplitter();
  let isOver = false;
  let isFirst = true;

  function read(block: Uint8Array): Passage {
    const events: GenerationEvent[] = [];
    const pieces: Uint8Array[] = [];
    let closing: Uint8Array | undefined;
    let hasContent = false;
    const bytes = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
    // One byte a sign, so that places in the text are places in the bytes.
    const text = bytes.toString("latin1");
    let at = isFirst ? byteOrderMarkLength(bytes) : 0;
    isFirst = false;
    while (at < text.length && !isOver) {
      const blank = emptyLineLength(text, at);
      if (blank > 0) {
        at += blank;
        continue;
      }
      const end = frameEnd(text, at);
      const raw = bytes.subarray(at, end);
      at = end;
      const { data } = readFrame(raw.toString("utf8"));
      if (data === undefined) continue;
      if (data.trim() === "[DONE]") {
        isOver = true;
        events.push({ type: "end" });
        break;
      }
      const event = parseJson(data);
      const failure = isObject(event) ? failureIn(event, judge) : garbage();
      if (failure !== undefined || !isObject(event)) {
        isOver = true;
        if (failure !== undefined) events.push({ type: "failure", failure });
        break;
      }
      if (textOf(event.type) === kinds.done) {
        isOver = true;
        closing = Uint8Array.from(raw);
        hasContent ||= kinds.endsAlone;
        const usage = kinds.usageIn(event);
        if (usage !== undefined) events.push({ type: "usage", usage });
        events.push({ type: "end" });
        break;
      }
      const taken = kinds.take(event);
      hasContent ||= taken.hasContent;
      pieces.push(taken.shown ?? raw);
    }
    return {
      events,
      hasContent,
      ...(pieces.length === 0 ? {} : { bytes: pieces.length === 1 ? pieces[0] : Buffer.concat(pieces) }),
      ...(closing === undefined ? {} : { closing }),
    };
  }

  return {
    push(chunk: Uint8Array): Passage {
      if (isOver) return EMPTY_PASSAGE;
      const block = splitter.push(chunk);
      const passage = block === undefined ? EMPTY_PASSAGE : read(block);
      if (!splitter.isOverflown || isOver) return passage;
      isOver = true;
      return { ...passage, events: [...passage.events, FRAME_TOO_LARGE] };
    },
    /** A last frame may lack its empty line. */
    close(): Passage {
      if (isOver) return EMPTY_PASSAGE;
      const rest = Buffer.from(splitter.rest());
      const passage = rest.length === 0 ? EMPTY_PASSAGE : lastFrame(rest);
      isOver = true;
      return passage;
    },
  };

  /** Half a frame is a cut, whatever stands in it; only a whole last event counts. */
  function lastFrame(rest: Buffer): Passage {
    const { data } = readFrame(rest.toString("utf8"));
    const event = data === undefined ? undefined : parseJson(data);
    const isWhole = data?.trim() === "[DONE]" || (isObject(event) && textOf(event.type) === kinds.done);
    return isWhole ? read(Buffer.concat([rest, Buffer.from("\n\n")])) : EMPTY_PASSAGE;
  }
}

function failureIn(event: JsonObject, judge: Judge) {
  if (hasError(event) || event.type === "error")
    return judge(event) ?? unreadable("error", "The vendor failed.");
  return undefined;
}

const garbage = () => unreadable("invalid_frame", "The vendor sent a frame that is no JSON.");
