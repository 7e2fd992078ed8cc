import type { StreamMode, StreamReader } from "../adapter.ts";
import { createTranslatedStream } from "../openai-frames/translated-stream.ts";
import { createEventReader } from "./events.ts";

/**
 * The reader of one Messages stream.
 * @param created epoch seconds, for the chunks
 */
export const openStream = (
  mode: StreamMode,
  secret: string,
  created: number,
  remembers = false,
): StreamReader => createTranslatedStream(createEventReader(secret), { mode, created, remembers });
