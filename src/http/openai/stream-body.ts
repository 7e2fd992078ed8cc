import type { GenerationRequest } from "../../core/generation.ts";
import type { Final, StreamGeneration } from "../../gateway/gateway.ts";
import { generationBody, type Passage, type StreamFrames } from "../generation-body.ts";
import { type ChunkNames, endFrames } from "./stream-end.ts";

/** A generation of the same dialect as an SSE body: the vendor's frames as they came, then the end. */
export function streamBody(
  generation: StreamGeneration,
  request: GenerationRequest,
  createdAt: number,
): ReadableStream<Uint8Array> {
  const { requestId } = generation.started;
  const names = request.includeUsage ? namesOf(generation, request, createdAt) : undefined;
  return generationBody(generation, new PassedFrames(requestId, names));
}

const encoder = new TextEncoder();

class PassedFrames implements StreamFrames {
  #isNamed = false;

  /** @param names for the usage chunk; undefined: none was asked for */
  constructor(
    readonly requestId: string,
    readonly names: ChunkNames | undefined,
  ) {}

  of({ bytes }: Passage): Uint8Array | undefined {
    if (this.names !== undefined && !this.#isNamed && bytes !== undefined) {
      this.#isNamed = true;
      nameAsIn(bytes, this.names);
    }
    return bytes;
  }

  end(final: Final): Uint8Array {
    return encoder.encode(endFrames(final, this.requestId, this.names));
  }
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
function nameAsIn(bytes: Uint8Array, names: ChunkNames): void {
  const head = decoder.decode(bytes.subarray(0, 2_048));
  names.id = /"id":\s*"([^"\\]+)"/.exec(head)?.[1] ?? names.id;
  names.model = /"model":\s*"([^"\\]+)"/.exec(head)?.[1] ?? names.model;
}

const decoder = new TextDecoder();
