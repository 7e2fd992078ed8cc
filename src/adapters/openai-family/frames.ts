import type { GenerationEvent } from "../../core/generation.ts";
import { MAX_FRAME_BYTES } from "../../core/limits.ts";
import { objectOf, parseJson } from "../json.ts";
import { readFrame } from "../sse/event-stream.ts";
import { unreadable } from "./errors.ts";
import type { ChunkReader, ChunkReading } from "./events.ts";

const END_MARKER = "[DONE]";

export const FRAME_TOO_LARGE: GenerationEvent = {
  type: "failure",
  failure: unreadable("frame_too_large", `The vendor sent a frame of more than ${MAX_FRAME_BYTES} bytes.`),
};

/** One SSE frame of an OpenAI-shaped stream; undefined when it says nothing (a comment, a lone id). */
export function readFrameOf(chunks: ChunkReader, text: string): ChunkReading | undefined {
  const frame = readFrame(text);
  const data = frame.data?.trim();
  if (data === undefined || data === "") return undefined;
  if (data === END_MARKER) return END;
  const reading = chunks.read(data);
  if (reading.forClient !== "keep" || frame.isPlain) return reading;
  // A frame with more than its data line is written anew: ids and event names are the vendor's own affair.
  const { content, control, hasContent } = reading;
  return { content, control, hasContent, forClient: objectOf(parseJson(data)) ?? "drop" };
}

export const controlOnly = (event: GenerationEvent): ChunkReading => ({
  content: [],
  control: [event],
  forClient: "drop",
  hasContent: false,
});

const END = controlOnly({ type: "end" });

/** True when the bytes left over at the end are a whole end marker: some servers leave out the last empty line. */
export const isEndMarker = (rest: string): boolean => readFrame(rest).data?.trim() === END_MARKER;

/** True for what nothing may follow, in whatever words of a stream it is said. */
export function endsStream(events: readonly { readonly type: string }[]): boolean {
  for (const { type } of events) if (type === "end" || type === "failure") return true;
  return false;
}
