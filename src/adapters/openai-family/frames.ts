import type { GenerationEvent } from "../../core/generation.ts";
import { MAX_FRAME_BYTES } from "../../core/limits.ts";
import { objectOf, parseJson } from "../json.ts";
import { readFrame } from "../sse/event-stream.ts";
import { unreadable } from "./errors.ts";
import { type ChunkReading, createChunkReader } from "./events.ts";
import type { Member } from "./member.ts";

const END_MARKER = "[DONE]";

export const FRAME_TOO_LARGE: GenerationEvent = {
  type: "failure",
  failure: unreadable("frame_too_large", `The vendor sent a frame of more than ${MAX_FRAME_BYTES} bytes.`),
};

/** Reads one SSE frame of an OpenAI-shaped stream; undefined when it says nothing (a comment, a lone id). */
export type FrameReader = (frame: string) => ChunkReading | undefined;

export function createFrameReader(member: Member, secret: string): FrameReader {
  const readChunk = createChunkReader(member, secret);
  return (text) => {
    const frame = readFrame(text);
    const data = frame.data?.trim();
    if (data === undefined || data === "") return undefined;
    if (data === END_MARKER) return controlOnly({ type: "end" });
    const reading = readChunk(data);
    if (reading.forClient !== "keep" || frame.isPlain) return reading;
    // A frame with more than its data line is written anew: ids and event names are the vendor's own affair.
    return { ...reading, forClient: objectOf(parseJson(data)) ?? "drop" };
  };
}

export const controlOnly = (event: GenerationEvent): ChunkReading => ({
  content: [],
  control: [event],
  forClient: "drop",
  hasContent: false,
});

/** True when the bytes left over at the end are a whole end marker: some servers leave out the last empty line. */
export const isEndMarker = (rest: string): boolean => readFrame(rest).data?.trim() === END_MARKER;

/** True for what nothing may follow. */
export const endsStream = (events: readonly GenerationEvent[]): boolean =>
  events.some((event) => event.type === "end" || event.type === "failure");
