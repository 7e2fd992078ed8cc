import type { GenerationRequest } from "../../core/generation.ts";
import type { StreamGeneration } from "../../gateway/gateway.ts";
import { type ChunkNames, endFrames } from "./stream-end.ts";

const encoder = new TextEncoder();

/**
 * A generation of the same dialect as an SSE body: the vendor's frames as they came, then the end. Pulled by
 * the client's reading, so a slow client slows the vendor down; cancelled by the client's leaving.
 */
export function streamBody(
  generation: StreamGeneration,
  request: GenerationRequest,
  createdAt: number,
): ReadableStream<Uint8Array> {
  let names = request.includeUsage ? namesOf(generation, request, createdAt) : undefined;
  let isNamed = false;
  let isLeft = false;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      for (;;) {
        const passage = await generation.next();
        if (isLeft) return;
        if (passage === null) break;
        if (passage.bytes === undefined) continue;
        if (names !== undefined && !isNamed) {
          names = { ...names, ...namesIn(passage.bytes) };
          isNamed = true;
        }
        controller.enqueue(passage.bytes);
        return;
      }
      const { final } = generation;
      if (final !== undefined) {
        controller.enqueue(encoder.encode(endFrames(final, generation.started.requestId, names)));
      }
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

function namesOf(generation: StreamGeneration, request: GenerationRequest, createdAt: number): ChunkNames {
  return {
    id: generation.started.requestId,
    object: request.operation === "completion" ? "text_completion" : "chat.completion.chunk",
    created: Math.floor(createdAt / 1_000),
    model: generation.started.vendorModel,
  };
}

/** The vendor's own id and model out of its first chunk, for the chunk that is written here. */
function namesIn(bytes: Uint8Array): Partial<ChunkNames> {
  const head = new TextDecoder().decode(bytes.subarray(0, 2_048));
  const id = /"id":\s*"([^"\\]+)"/.exec(head)?.[1];
  const model = /"model":\s*"([^"\\]+)"/.exec(head)?.[1];
  return { ...(id === undefined ? {} : { id }), ...(model === undefined ? {} : { model }) };
}
