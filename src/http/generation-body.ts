import type { Cancel } from "../core/clock.ts";
import { NOT_YET, type NotYet } from "../core/poll.ts";
import type { Final, StreamGeneration } from "../gateway/gateway.ts";

/** What a stream hands on at a time. */
export type Passage = Exclude<ReturnType<StreamGeneration["poll"]>, NotYet | null>;

/** What a dialect makes of a stream. */
export interface StreamFrames {
  /** What stands before everything else. */
  begin?(): Uint8Array;
  /** What the client is to see of a passage; undefined: nothing. */
  of(passage: Passage): Uint8Array | undefined;
  /** The last frames, in one piece: whoever keeps the stream for an idempotency key keeps what came with the charge. */
  end(final: Final): Uint8Array | Promise<Uint8Array>;
}

/**
 * A generation as the body of an answer. Read only as fast as the client reads, so a slow client slows the vendor down;
 * cancelled by the client's leaving. What the vendor's connection brings is written to the client's in the same turn:
 * Bun's `direct` stream has neither a queue nor a promise for each piece.
 */
export function generationBody(
  generation: StreamGeneration,
  frames: StreamFrames,
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(new GenerationBody(generation, frames));
}

/** The part of Bun's controller that is used: a write answers a promise when the client is behind. */
export interface Sink {
  write(bytes: Uint8Array): number | Promise<number>;
  flush(): unknown;
  close(error?: Error): void;
}

class GenerationBody implements Bun.DirectUnderlyingSource<Uint8Array> {
  readonly type = "direct";
  #sink: Sink | undefined;
  #isLeft = false;
  #isOver = false;
  /** For the next passage, or for the client. */
  #isWaiting = false;
  /** Made once for all reads. */
  readonly #goOn = (): void => {
    this.#isWaiting = false;
    this.#pump();
  };
  /** Calls off what is to happen when the client that is behind reads nothing. */
  #stalled: Cancel | undefined;

  constructor(
    readonly generation: StreamGeneration,
    readonly frames: StreamFrames,
  ) {}

  /** Called by a server once, by a reader of the stream again and again. */
  pull(sink: Sink): void {
    if (this.#sink === undefined) {
      this.#sink = sink;
      const begin = this.frames.begin?.();
      if (begin !== undefined) void sink.write(begin);
    }
    if (!this.#isWaiting) this.#pump();
  }

  /** The client has left. */
  cancel(): void {
    this.#isLeft = true;
    this.#stalled?.();
    this.generation.cancel();
  }

  #pump(): void {
    if (this.#isLeft || this.#isOver) return;
    for (;;) {
      const passage = this.generation.poll();
      if (passage === NOT_YET) {
        this.#isWaiting = true;
        this.generation.whenReady(this.#goOn);
        this.#sink?.flush();
        return;
      }
      if (!this.#hand(passage)) return;
    }
  }

  /** Answers whether more is to be read now. */
  #hand(passage: Passage | null): boolean {
    if (this.#isLeft || this.#isOver) return false;
    try {
      if (passage === null) {
        this.#finish();
        return false;
      }
      const bytes = this.frames.of(passage);
      return bytes === undefined || this.#write(bytes);
    } catch (thrown) {
      this.#break(thrown);
      return false;
    }
  }

  #write(bytes: Uint8Array): boolean {
    const written = this.#sink?.write(bytes);
    if (!(written instanceof Promise)) return true;
    this.#await(written);
    return false;
  }

  /** The client is behind. */
  #await(reading: Promise<unknown>): void {
    this.#isWaiting = true;
    this.#stalled = this.generation.whenStalled?.(() => this.#break(new Error("The client reads nothing.")));
    const goOn = (): void => {
      this.#stalled?.();
      this.#goOn();
    };
    // A client that has gone is told of by `cancel`.
    reading.then(goOn, goOn);
  }

  #finish(): void {
    this.#isOver = true;
    const { final } = this.generation;
    const end = final === undefined ? undefined : this.frames.end(final);
    if (end instanceof Promise) this.#closeAfter(end);
    else this.#close(end);
  }

  #closeAfter(end: Promise<Uint8Array>): void {
    end.then(
      (bytes) => this.#close(bytes),
      (thrown: unknown) => this.#break(thrown),
    );
  }

  #close(end: Uint8Array | undefined): void {
    if (end !== undefined) void this.#sink?.write(end);
    this.#sink?.close();
  }

  /**
   * A dialect could not go on, a mistake of ours; or a client is connected and no more. No half of an answer may pass for
   * the whole, and no connection stays for a client that pays for it no longer.
   */
  #break(thrown: unknown): void {
    this.#isOver = true;
    this.cancel();
    this.#sink?.close(thrown instanceof Error ? thrown : new Error(String(thrown)));
  }
}
