import type { JsonObject } from "../../core/generation.ts";
import { type ChatReader, createChatReader, listIn, objectIn } from "../openai/responses/chat-pieces.ts";
import { chunksIn } from "../openai/responses/chunk-pieces.ts";
import type { ChoiceSaid } from "./content-response.ts";

/** Reads the choices of one chat answer, streamed or whole: each has a reader of its own. */
export function createChoicesReader(): (body: JsonObject) => readonly ChoiceSaid[] {
  const readers = new Map<number, ChatReader>();
  return ({ choices }) =>
    listIn(choices).flatMap((one) => {
      const choice = objectIn(one);
      if (choice === undefined) return [];
      const index = typeof choice.index === "number" ? choice.index : 0;
      const read = readers.get(index) ?? createChatReader();
      readers.set(index, read);
      const finish = typeof choice.finish_reason === "string" ? { finish: choice.finish_reason } : {};
      return [{ choice: index, pieces: read(choice), ...finish }];
    });
}

/** The same of whole SSE frames, as the gateway hands them on to clients of chat. */
export function createFrameReader(): (frames: Uint8Array) => readonly ChoiceSaid[] {
  const read = createChoicesReader();
  const decoder = new TextDecoder();
  return (frames) => [...chunksIn(decoder.decode(frames))].flatMap((chunk) => [...read(chunk)]);
}
