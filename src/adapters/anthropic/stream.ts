import type { StreamMode, StreamReader } from "../adapter.ts";
import { createTranslatedStream } from "../openai-frames/translated-stream.ts";
import { createEventReader } from "./events.ts";
import { createOwnFrames } from "./own-frames.ts";

export interface AnthropicStreamOptions {
  readonly mode: StreamMode;
  /** Epoch seconds, for OpenAI's chunks. */
  readonly created: number;
  readonly remembers: boolean;
  /** The client speaks Anthropic's dialect. */
  readonly isNative: boolean;
}

/** The reader of one Messages stream. */
export const openStream = (secret: string, { isNative, ...options }: AnthropicStreamOptions): StreamReader =>
  createTranslatedStream(createEventReader(secret), {
    ...options,
    own: isNative ? createOwnFrames() : undefined,
  });
