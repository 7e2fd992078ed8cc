import { EMPTY_PASSAGE, type Passage, type StreamReader } from "../adapter.ts";
import { textOf } from "../json.ts";
import { dataFrame } from "../sse/data-frame.ts";
import { createEventStreamReader } from "./event-stream-reader.ts";
import { readObject } from "./json-answer.ts";
import type { Judge } from "./service.ts";
import { streamedOrWhole } from "./streamed-or-whole.ts";
import { transcriptUsage } from "./transcript-usage.ts";

/**
 * The reader of one transcript that streams. Models that do not stream answer whole all the same (OpenAI's whisper-1
 * passes over `stream`): then the events are written here.
 */
export function openTranscriptStream(judge: Judge): StreamReader {
  const delivered = { frames: 0, chars: 0, reasoningChars: 0 };
  const reader = createEventStreamReader(
    {
      done: "transcript.text.done",
      usageIn: transcriptUsage,
      endsAlone: true,
      take(event) {
        const said = textOf(event.delta);
        if (said === undefined) return { hasContent: event.type === "transcript.text.segment" };
        delivered.frames += 1;
        delivered.chars += said.length;
        return { hasContent: true };
      },
    },
    judge,
  );
  function readWhole(body: Uint8Array): Passage {
    const read = readObject(body, judge);
    if ("failure" in read) return { events: [{ type: "failure", failure: read.failure }], hasContent: false };
    const { text, usage, logprobs } = read.parsed;
    if (typeof text !== "string") return EMPTY_PASSAGE;
    delivered.frames += 1;
    delivered.chars += text.length;
    const told = transcriptUsage(read.parsed);
    return {
      events: [...(told === undefined ? [] : [{ type: "usage", usage: told } as const]), { type: "end" }],
      bytes: dataFrame({ type: "transcript.text.delta", delta: text }),
      closing: dataFrame({ type: "transcript.text.done", text, logprobs, usage }),
      hasContent: true,
    };
  }

  return { delivered, ...streamedOrWhole(reader, readWhole) };
}
