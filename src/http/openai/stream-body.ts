import type { GenerationRequest } from "../../core/generation.ts";
import type { StreamGeneration } from "../../gateway/gateway.ts";
import { generationBody } from "../generation-body.ts";
import { type ChunkNames, endFrames } from "./stream-end.ts";

const encoder = new TextEncoder();

/** A generation of the same dialect as an SSE body: the vendor's frames as they came, then the end. */
export function streamBody(
  generation: StreamGeneration,
  request: GenerationRequest,
  createdAt: number,
): ReadableStream<Uint8Array> {
  let names = request.includeUsage ? namesOf(generation, request, createdAt) : undefined;
  let isNamed = names === undefined;
  return generationBody(generation, {
    of({ bytes }) {
      if (!isNamed && bytes !== undefined) {
        isNamed = true;
        names = names && { ...names, ...namesIn(bytes) };
      }
      return bytes;
    },
    end: (final) => encoder.encode(endFrames(final, generation.started.requestId, names)),
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
