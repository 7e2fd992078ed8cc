import type { StreamGeneration } from "../../../gateway/gateway.ts";
import { errorBody } from "../../errors.ts";
import { chargeComment } from "../stream-end.ts";

const encoder = new TextEncoder();

/**
 * Events of sound or of a transcript: the vendor's frames as they came, the last one (`….done`) behind the comment of the
 * charge, then `[DONE]`. Any other end than a completed one is an error event and the comment.
 */
export function eventBody(generation: StreamGeneration): ReadableStream<Uint8Array> {
  let closing: Uint8Array | undefined;
  let isLeft = false;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      for (;;) {
        const passage = await generation.next();
        if (isLeft) return;
        if (passage === null) break;
        closing = passage.closing ?? closing;
        if (passage.bytes === undefined || passage.bytes.byteLength === 0) continue;
        controller.enqueue(passage.bytes);
        return;
      }
      const { final, started } = generation;
      if (final?.error !== undefined) {
        const body = errorBody(final.error, started.requestId);
        controller.enqueue(encoder.encode(`data: ${JSON.stringify(body)}\n\n${chargeComment(final)}`));
      } else if (final !== undefined) {
        controller.enqueue(encoder.encode(chargeComment(final)));
        if (closing !== undefined) controller.enqueue(closing);
        controller.enqueue(encoder.encode("data: [DONE]\n\n"));
      }
      controller.close();
    },
    cancel() {
      isLeft = true;
      generation.cancel();
      void generation.next();
    },
  });
}
