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
        if (one !== undefined && (one.index ?? 0) === 0) pieces.push(...read(one));
      }
    }
    return pieces;
  };
}

/** The JSON objects in whole frames. Lines end with LF or CRLF; several `data:` lines of a frame are one text. */
export function* chunksIn(text: string): Generator<JsonObject, void> {
  let data = "";
  for (const line of text.split("\n")) {
    const bare = line.endsWith("\r") ? line.slice(0, -1) : line;
    if (bare.startsWith("data:")) data += bare.slice(bare[5] === " " ? 6 : 5);
    if (bare !== "" || data === "") continue;
    const chunk = objectIn(parsed(data));
    data = "";
    if (chunk !== undefined) yield chunk;
  }
}

/** Frames have been read by the vendor's adapter already; what it let through and is no JSON says nothing. */
function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
