import type { Cancel } from "../../../core/clock.ts";
import type { StreamEntry } from "../entry.ts";
import type { StreamCursor } from "../live-stream.ts";
import type { Served } from "../reader.ts";
import { entriesIn } from "../records.ts";

/** What a cursor asks for its stream, wherever that is at the moment. */
export interface RemoteSource {
  /**
   * What comes after entry `after`; waits for a bounded time when there is nothing yet. A cursor in its place when the
   * stream has come to this node meanwhile. Rejects when the stream cannot be had any more.
   */
  read(reader: string, after: number): Promise<Served | StreamCursor>;
  /** Tells that the reader is there, though it reads nothing. */
  stay(reader: string, after: number): void;
  leave(reader: string): void;
  /** Runs until cancelled, as often as a reader that reads nothing has to be heard. */
  keepTelling(run: () => void): Cancel;
}

/**
 * A reader of another node's stream: asks for a batch when the one before has been read. Holds that one batch, and
 * nothing is sent to it unasked.
 */
export class RemoteCursor implements StreamCursor {
  #entries: Iterator<StreamEntry> | undefined;
  #backlog = 0;
  #after: number;
  #isAsking = false;
  #isOver = false;
  /** The stream has come to this node. */
  #here: StreamCursor | undefined;
  #onClose: (() => void) | undefined;
  readonly #stopStaying: Cancel;

  /** @param first what the source answered when the reader came, so that a refusal is told before anything else */
  constructor(
    readonly source: RemoteSource,
    readonly reader: string,
    after: number,
    first: Served | StreamCursor,
  ) {
    this.#after = after;
    this.#take(first);
    this.#stopStaying = source.keepTelling(() => {
      if (!this.#isAsking && this.#here === undefined) source.stay(reader, this.#after);
    });
  }

  get backlog(): number {
    return this.#here?.backlog ?? this.#backlog;
  }

  async next(): Promise<StreamEntry | null> {
    while (!this.#isOver) {
      if (this.#here !== undefined) return this.#here.next();
      const known = this.#entries?.next();
      if (known?.done === false) return this.#handOut(known.value);
      this.#entries = undefined;
      if (!(await this.#ask()))
        return this.#isOver ? null : this.#handOut({ type: "moved", seq: this.#after });
    }
    return null;
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopStaying();
    this.#here?.close();
    this.source.leave(this.reader);
    this.#onClose?.();
  }

  #handOut(entry: StreamEntry): StreamEntry {
    if (entry.type === "delta") this.#after = entry.seq;
    else this.close();
    return entry;
  }

  /** False: the stream cannot be had any more from here. */
  async #ask(): Promise<boolean> {
    this.#isAsking = true;
    const closed = new Promise<undefined>((resolve) => {
      this.#onClose = () => resolve(undefined);
    });
    try {
      const answer = await Promise.race([this.source.read(this.reader, this.#after), closed]);
      if (answer !== undefined) this.#take(answer);
      return !this.#isOver;
    } catch {
      return false;
    } finally {
      this.#isAsking = false;
      this.#onClose = undefined;
    }
  }

  #take(answer: Served | StreamCursor): void {
    if ("next" in answer) {
      if (this.#isOver) answer.close();
      else this.#here = answer;
      return;
    }
    this.#backlog = answer.backlog;
    this.#entries = entriesOf(answer);
  }
}

function* entriesOf({ records, done }: Served): Generator<StreamEntry> {
  if (records !== undefined) yield* entriesIn(records);
  if (done !== undefined) yield done;
}
