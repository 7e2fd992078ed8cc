import type { Clock } from "../../../core/clock.ts";
import { SluiceError } from "../../../core/errors.ts";
import type { TenantId } from "../../../core/ids.ts";
import type { Final, StreamGeneration } from "../../../gateway/gateway.ts";
import { createChunkReader } from "./chunk-pieces.ts";
import type { Keeping } from "./keeping.ts";
import type { ResponsesRequest } from "./request.ts";
import { ResponseEvents } from "./response-events.ts";
import type { ResponseAbout } from "./response-object.ts";

export interface StreamBodyPorts {
  readonly clock: Clock;
  readonly keeping: Keeping;
}

/** The whole answer is told once more at its end, so it stays in memory: four times what 128K tokens come to. */
export const MOST_RESPONSE_CHARS = 2 * 1024 * 1024;

/** How a generation ended, and that it was for its length if that was why it was cancelled. */
export function explained(final: Final, chars: number): Final {
  if (final.outcome !== "cancelled" || chars <= MOST_RESPONSE_CHARS) return final;
  const message = `The answer is longer than the ${MOST_RESPONSE_CHARS} characters that a response can hold.`;
  return { ...final, error: new SluiceError("request_cancelled", message) };
}

/**
 * A generation as the SSE body of a response. Pulled by the client's reading, so a slow client slows the vendor down;
 * cancelled by the client's leaving.
 */
export function streamBody(
  { clock, keeping }: StreamBodyPorts,
  generation: StreamGeneration,
  tenant: TenantId,
  about: ResponseAbout,
  request: ResponsesRequest,
): ReadableStream<Uint8Array> {
  const events = new ResponseEvents(about);
  const read = createChunkReader();
  let hasBegun = false;
  let isLeft = false;

  const lastFrames = async (final: Final): Promise<string> => {
    const response = events.end(final, Math.floor(clock.now() / 1_000));
    const isKept = request.store && (await keeping.keep(tenant, request, response));
    return events.close(final, { ...response, store: isKept });
  };

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (!hasBegun) {
        hasBegun = true;
        controller.enqueue(encoder.encode(events.begin()));
        return;
      }
      for (;;) {
        const passage = await generation.next();
        if (isLeft) return;
        if (passage === null) break;
        const frames = passage.bytes === undefined ? "" : events.write(read(passage.bytes));
        if (events.chars > MOST_RESPONSE_CHARS) generation.cancel();
        if (frames === "") continue;
        controller.enqueue(encoder.encode(frames));
        return;
      }
      const final = generation.final && explained(generation.final, events.chars);
      // In one piece: whoever keeps the stream for an idempotency key keeps what came with the charge.
      if (final !== undefined) controller.enqueue(encoder.encode(await lastFrames(final)));
      controller.close();
    },
    cancel() {
      isLeft = true;
      generation.cancel();
      // Settles the charge: nobody else will ask for the end any more.
      void generation.next();
    },
  });
}

const encoder = new TextEncoder();
