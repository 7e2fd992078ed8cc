import type { JsonObject } from "../../../core/generation.ts";
import { createChatReader, listIn, objectIn } from "./chat-pieces.ts";
import type { Piece } from "./piece.ts";

/** Reads the chat chunks of one stream: whole SSE frames, as the gateway hands them on to clients of chat. */
export function createChunkReader(): (frames: Uint8Array) => readonly Piece[] {
  const read = createChatReader();
  const decoder = new TextDecoder();
  return (frames) => {
    const pieces: Piece[] = [];
    for (const chunk of chunksIn(decoder.decode(frames))) {
      for (const choice of listIn(chunk.choices)) {
        const one = objectIn(choice);
        // One answer is asked for; a vendor that gives more is read as far as the first.
        if (one === undefined || (one.index ?? 0) !== 0) continue;
        for (const piece of read(one)) pieces.push(piece);
      }
    }
    return pieces;
  };
}

/** The JSON objects in whole frames. Lines end with LF or CRLF; several `data:` lines of a frame are one text. */
export function chunksIn(text: string): readonly JsonObject[] {
  const chunks: JsonObject[] = [];
  const { length } = text;
  let data = "";
  for (let start = 0; start <= length; ) {
    const feed = text.indexOf("\n", start);
    const next = feed === -1 ? length : feed;
    const end = next > start && text[next - 1] === "\r" ? next - 1 : next;
    if (text.startsWith(FIELD, start)) {
      const from = start + FIELD.length;
      data += text.slice(text[from] === " " ? from + 1 : from, end);
    }
    if (end === start && data !== "") {
      const chunk = objectIn(parsed(data));
      data = "";
      if (chunk !== undefined) chunks.push(chunk);
    }
    start = next + 1;
  }
  return chunks;
}

const FIELD = "data:";

/** Frames have been read by the vendor's adapter already; what it let through and is no JSON says nothing. */
function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
