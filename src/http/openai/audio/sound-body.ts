import { ownOf } from "../../../core/own-of.ts";
import { type NotYet, nextOf } from "../../../core/poll.ts";
import type { StreamGeneration } from "../../../gateway/gateway.ts";
import { contentTypeOf } from "../../../media/sniff.ts";

/** What was read ahead; null: the answer has ended. */
type FirstPassage = Exclude<ReturnType<StreamGeneration["poll"]>, NotYet>;

/** What each format of a speech is called; OpenAI's own where none is named. */
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  mp3: "audio/mpeg",
  opus: "audio/opus",
  aac: "audio/aac",
  flac: "audio/flac",
  wav: "audio/wav",
  pcm: "audio/pcm",
};

/** By its first bytes, which know better than the wish; samples alone have no signature. */
export function soundType(first: FirstPassage, format: unknown): string {
  const sniffed = format === "pcm" ? undefined : contentTypeOf(first?.bytes ?? new Uint8Array());
  const wished = typeof format === "string" ? ownOf(CONTENT_TYPES, format) : CONTENT_TYPES.mp3;
  // Opus comes in OGG: OpenAI calls it by what is in it.
  if (sniffed === undefined || sniffed === "audio/ogg")
    return wished ?? sniffed ?? "application/octet-stream";
  return sniffed;
}

/**
 * Sound as it is made. It has no place for words: whole when the charge is known and the connection says so; anything
 * else breaks the connection off, so that no half of it passes for the whole.
 * @param first read ahead, for what kind of sound it is
 * @param isKept read whole before anybody is answered, who can then be told the reason; the server would print it
 */
export function soundBody(
  generation: StreamGeneration,
  first: FirstPassage,
  isKept: boolean,
): ReadableStream<Uint8Array> {
  let ahead: FirstPassage | undefined = first;
  let isLeft = false;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      for (;;) {
        const passage = ahead === undefined ? await nextOf(generation) : ahead;
        ahead = undefined;
        if (isLeft) return;
        if (passage === null) break;
        if (passage.bytes === undefined || passage.bytes.byteLength === 0) continue;
        controller.enqueue(passage.bytes);
        return;
      }
      const { final } = generation;
      if (final?.outcome === "completed") controller.close();
      else controller.error(isKept ? final?.error : undefined);
    },
    cancel() {
      isLeft = true;
      generation.cancel();
    },
  });
}
