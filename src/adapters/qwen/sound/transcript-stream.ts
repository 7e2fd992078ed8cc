import type { GenerationEvent } from "../../../core/generation.ts";
import { MAX_FRAME_BYTES } from "../../../core/limits.ts";
import type { Usage } from "../../../core/usage.ts";
import type { VendorFailure } from "../../../core/vendor-failure.ts";
import { EMPTY_PASSAGE, type Passage, type StreamReader } from "../../adapter.ts";
import { isObject, listOf, objectOf, parseJson, textOf } from "../../json.ts";
import { brokenOff, unreadable } from "../../openai-family/errors.ts";
import { FRAME_TOO_LARGE, isEndMarker } from "../../openai-family/frames.ts";
import type { Judge } from "../../openai-services/service.ts";
import { streamedOrWhole } from "../../openai-services/streamed-or-whole.ts";
import { transcriptUsage } from "../../openai-services/transcript-usage.ts";
import { dataFrame } from "../../sse/data-frame.ts";
import { readFrames } from "../../sse/event-stream.ts";
import { createFrameSplitter } from "../../sse/frame-splitter.ts";
import { toldError } from "./told-error.ts";
import { shownUsage, transcriptIn } from "./transcript.ts";

/**
 * The reader of one transcript that streams: chunks of a chat become OpenAI's events of a transcript. DashScope's own
 * protocol answers whole; then the events are written out of that.
 */
export function openTranscriptStream(judge: Judge): StreamReader {
  const splitter = createFrameSplitter();
  const delivered = { frames: 0, chars: 0, reasoningChars: 0 };
  let isOver = false;
  /** All that was said: the last event repeats it. Never longer than one frame may be. */
  let said = "";
  let usage: Usage | undefined;

  const failed = (failure: VendorFailure): Passage => {
    isOver = true;
    return { events: [{ type: "failure", failure }], hasContent: false };
  };
  const counted = (text: string): void => {
    delivered.frames += 1;
    delivered.chars += text.length;
    said += text;
  };
  const ended = (bytes: Uint8Array | undefined): Passage => {
    isOver = true;
    return {
      events: [...(usage === undefined ? [] : [{ type: "usage", usage } as const]), { type: "end" }],
      ...(bytes === undefined ? {} : { bytes }),
      closing: dataFrame({ type: "transcript.text.done", text: said, ...shownUsage(usage) }),
      // A recording in which nothing is said is heard all the same.
      hasContent: true,
    };
  };

  /** The text of one chunk, or how it failed. */
  function wordsIn(data: string): string | VendorFailure {
    const chunk = parseJson(data);
    if (!isObject(chunk)) return GARBAGE;
    const failure = toldError(chunk, judge);
    if (failure !== undefined) return failure;
    usage = transcriptUsage(chunk) ?? usage;
    const choice = objectOf(listOf(chunk.choices)[0]);
    const reason = textOf(choice?.finish_reason);
    if (reason !== undefined && reason !== "stop") return brokenOff(reason);
    return textOf(objectOf(choice?.delta)?.content) ?? "";
  }

  function readBlock(text: string): Passage {
    const pieces: Uint8Array[] = [];
    let last: Passage | undefined;
    for (const { data } of readFrames(text)) {
      if (data === undefined || last !== undefined) continue;
      if (data.trim() === "[DONE]") {
        last = ended(undefined);
        continue;
      }
      const words = wordsIn(data);
      if (typeof words !== "string") last = failed(words);
      else if (said.length + words.length > MAX_FRAME_BYTES) last = failed(TOO_LARGE);
      else if (words !== "") {
        counted(words);
        pieces.push(dataFrame({ type: "transcript.text.delta", delta: words }));
      }
    }
    const events: readonly GenerationEvent[] = last?.events ?? [];
    return {
      events,
      hasContent: pieces.length > 0 || last?.hasContent === true,
      ...(pieces.length === 0 ? {} : { bytes: Buffer.concat(pieces) }),
      ...(last?.closing === undefined ? {} : { closing: last.closing }),
    };
  }

  function readWhole(body: Uint8Array): Passage {
    const read = transcriptIn(body, judge);
    if ("failure" in read) return failed(read.failure);
    usage = read.usage;
    counted(read.text);
    return ended(dataFrame({ type: "transcript.text.delta", delta: read.text }));
  }

  const chunks = {
    push(chunk: Uint8Array): Passage {
      if (isOver) return EMPTY_PASSAGE;
      const block = splitter.push(chunk);
      const passage = block === undefined ? EMPTY_PASSAGE : readBlock(Buffer.from(block).toString("utf8"));
      if (!splitter.isOverflown || isOver) return passage;
      isOver = true;
      return { ...passage, events: [...passage.events, FRAME_TOO_LARGE] };
    },
    /** A last end marker may lack its empty line. */
    close(): Passage {
      if (isOver) return EMPTY_PASSAGE;
      const rest = Buffer.from(splitter.rest()).toString("utf8");
      return isEndMarker(rest) ? ended(undefined) : EMPTY_PASSAGE;
    },
  };
  return { delivered, ...streamedOrWhole(chunks, readWhole) };
}

const GARBAGE = unreadable("invalid_frame", "The vendor sent a frame that is no JSON.");
const TOO_LARGE = unreadable(
  "answer_too_large",
  `The vendor's transcript exceeded ${MAX_FRAME_BYTES} bytes.`,
);
