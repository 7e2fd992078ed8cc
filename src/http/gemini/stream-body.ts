import type { Final, StreamGeneration } from "../../gateway/gateway.ts";
import { generationBody, type Passage } from "../generation-body.ts";
import { explained, MOST_RESPONSE_CHARS } from "../openai/responses/stream-body.ts";
import { chargeComment } from "../openai/stream-end.ts";
import { createFrameReader } from "./choices.ts";
import { ContentResponses, namesOf } from "./content-response.ts";
import { badEndFrames, responseFrame } from "./frames.ts";
import { OwnResponses } from "./own-responses.ts";

export interface StreamShape {
  readonly choices: number;
  readonly showsThoughts: boolean;
}

/**
 * A generation as an SSE body of responses: a vendor's own frames as they came, everybody else's chunks written anew; both
 * in one stream when another vendor goes on.
 */
export function streamBody(generation: StreamGeneration, shape: StreamShape): ReadableStream<Uint8Array> {
  const frames = new ResponseFrames(generation, shape);
  return generationBody(generation, {
    of(passage) {
      const bytes = frames.of(passage);
      if (frames.keptChars > MOST_RESPONSE_CHARS) generation.cancel();
      return bytes;
    },
    end: (final) => frames.end(explained(final, frames.keptChars)),
  });
}

/** The frames of one stream, whoever gives them. */
class ResponseFrames {
  readonly #own: OwnResponses;
  readonly #read = createFrameReader();
  /** Written here: from the beginning, or since the vendor that spoke for itself died. */
  #responses: ContentResponses | undefined;
  #hasOwn = false;

  constructor(
    readonly generation: StreamGeneration,
    readonly shape: StreamShape,
  ) {
    this.#own = new OwnResponses(shape.choices);
  }

  /** Characters that are kept until the end. */
  get keptChars(): number {
    return this.#responses?.keptChars ?? 0;
  }

  of({ bytes, dialect }: Passage): Uint8Array | undefined {
    if (bytes === undefined) return undefined;
    if (dialect !== undefined) {
      this.#hasOwn = true;
      return this.#own.pass(bytes);
    }
    const before = this.#heldWords();
    const response = this.#writing().write(this.#read(bytes));
    const frames = before + (response === undefined ? "" : responseFrame(response));
    return frames === "" ? undefined : Buffer.from(frames);
  }

  /** Of a vendor that spoke for itself, and came to no good end: once. */
  #heldWords(): string {
    return this.#responses === undefined ? this.#own.said() : "";
  }

  end(final: Final): Uint8Array {
    const { error } = final;
    if (error !== undefined) {
      const { requestId } = this.generation.started;
      return Buffer.from(this.#heldWords() + badEndFrames(error, final, requestId));
    }
    const comment = Buffer.from(chargeComment(final));
    // What a vendor said in its own words has told its end and its usage already.
    if (this.#hasOwn && this.#responses === undefined) return Buffer.concat([comment, this.#own.end()]);
    return Buffer.concat([comment, Buffer.from(responseFrame(this.#writing().finish(final)))]);
  }

  #writing(): ContentResponses {
    this.#responses ??= this.#begun();
    return this.#responses;
  }

  #begun(): ContentResponses {
    const { choices, showsThoughts } = this.shape;
    const names = this.#own.names ?? namesOf(this.generation.started);
    return new ContentResponses(names, choices, showsThoughts);
  }
}
