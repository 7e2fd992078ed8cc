import type { JsonObject } from "../../core/generation.ts";
import { type ChatReader, createChatReader, listIn, objectIn } from "../openai/responses/chat-pieces.ts";
import { chunksIn } from "../openai/responses/chunk-pieces.ts";
import type { ChoiceSaid } from "./candidate.ts";

/** Reads the choices of one chat answer, streamed or whole: each has a reader of its own. */
export function createChoicesReader(): (body: JsonObject) => readonly ChoiceSaid[] {
  const readers = new Map<number, ChatReader>();
  return ({ choices }) => {
    const said: ChoiceSaid[] = [];
    for (const one of listIn(choices)) {
      const choice = objectIn(one);
      if (choice === undefined) continue;
      const index = typeof choice.index === "number" ? choice.index : 0;
      const pieces = readerOf(readers, index)(choice);
      const finish = typeof choice.finish_reason === "string" ? choice.finish_reason : undefined;
      said.push({ choice: index, pieces, finish });
    }
    return said;
  };
}

function readerOf(readers: Map<number, ChatReader>, index: number): ChatReader {
  const known = readers.get(index);
  if (known !== undefined) return known;
  const read = createChatReader();
  readers.set(index, read);
  return read;
}

/** The same of whole SSE frames, as the gateway hands them on to clients of chat. */
export function createFrameReader(): (frames: Uint8Array) => readonly ChoiceSaid[] {
  const read = createChoicesReader();
  const decoder = new TextDecoder();
  return (frames) => {
    const said: ChoiceSaid[] = [];
    for (const chunk of chunksIn(decoder.decode(frames))) for (const one of read(chunk)) said.push(one);
    return said;
  };
}
