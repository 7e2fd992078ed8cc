import type { NativeDialect } from "../../core/generation.ts";
import type { Final, StreamGeneration } from "../../gateway/gateway.ts";
import { createChunkReader } from "../openai/responses/chunk-pieces.ts";
import { endFrames, eventFrame } from "./frames.ts";
import { MessageEvents, type MessageNames } from "./message-events.ts";
import { OwnStream } from "./own-stream.ts";

/**
 * A generation as the SSE body of a message: a vendor's own frames as they came, everybody else's chunks as events; both
 * in one stream when another vendor goes on. Pulled by the client's reading, so a slow client slows the vendor down;
 * cancelled by the client's leaving.
 */
export function streamBody(generation: StreamGeneration, names: MessageNames): ReadableStream<Uint8Array> {
  const frames = new StreamFrames(generation, names);
  let isLeft = false;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      for (;;) {
        const passage = await generation.next();
        if (isLeft) return;
        if (passage === null) break;
        const bytes = frames.of(passage);
        if (bytes === undefined) continue;
        controller.enqueue(bytes);
        return;
      }
      const { final } = generation;
      // In one piece: whoever keeps the stream for an idempotency key keeps what came with the charge.
      if (final !== undefined) controller.enqueue(encoder.encode(frames.end(final)));
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

/** What is looked at of a passage. */
interface Said {
  readonly bytes?: Uint8Array;
  readonly dialect?: NativeDialect;
}

/** The frames of one stream, whoever gives them. */
class StreamFrames {
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

  of({ bytes, dialect }: Said): Uint8Array | undefined {
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

  end(final: Final): string {
    const { requestId } = this.generation.started;
    // What a vendor said in its own words has told its stop reason and usage already.
    if (final.error === undefined && (this.#isWriting || !this.#hasOwn)) {
      this.#startWriting();
      this.#events.finish(final);
    }
    return this.#take() + endFrames(final, requestId);
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
