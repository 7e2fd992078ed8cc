import type { Final, StreamGeneration } from "../../gateway/gateway.ts";
import { generationBody, type Passage, type StreamFrames } from "../generation-body.ts";
import { createChunkReader } from "../openai/responses/chunk-pieces.ts";
import { endFrames, eventFrame } from "./frames.ts";
import { MessageEvents, type MessageNames } from "./message-events.ts";
import { OwnStream } from "./own-stream.ts";

/**
 * A generation as the SSE body of a message: a vendor's own frames as they came, everybody else's chunks as events; both
 * in one stream when another vendor goes on.
 */
export function streamBody(generation: StreamGeneration, names: MessageNames): ReadableStream<Uint8Array> {
  return generationBody(generation, new MessageFrames(generation, names));
}

const encoder = new TextEncoder();

/** The frames of one stream, whoever gives them. */
class MessageFrames implements StreamFrames {
  readonly #own = new OwnStream();
  readonly #read = createChunkReader();
  readonly #events: MessageEvents;
  #written = "";
  #hasOwn = false;
  /** Events are written here: from the beginning, or since the vendor that spoke for itself died. */
  #isWriting = false;

  constructor(
    readonly generation: StreamGeneration,
    readonly names: MessageNames,
  ) {
    this.#events = new MessageEvents((event) => {
      this.#written += eventFrame(event);
    }, names.suffix);
  }

  of({ bytes, dialect }: Passage): Uint8Array | undefined {
    if (bytes === undefined) return undefined;
    if (dialect !== undefined) {
      this.#hasOwn = true;
      this.#own.see(bytes);
      return bytes;
    }
    this.#startWriting();
    for (const piece of this.#read(bytes)) this.#events.write(piece);
    return this.#written === "" ? undefined : encoder.encode(this.#take());
  }

  end(final: Final): Uint8Array {
    const { requestId } = this.generation.started;
    // What a vendor said in its own words has told its stop reason and usage already.
    if (final.error === undefined && (this.#isWriting || !this.#hasOwn)) {
      this.#startWriting();
      this.#events.finish(final);
    }
    return encoder.encode(this.#take() + endFrames(final, requestId));
  }

  #startWriting(): void {
    if (this.#isWriting) return;
    this.#isWriting = true;
    if (this.#hasOwn) this.#events.goOnFrom(this.#own.state);
    else this.#events.begin(this.names);
  }

  #take(): string {
    const written = this.#written;
    this.#written = "";
    return written;
  }
}
