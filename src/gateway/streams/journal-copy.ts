import type { DoneEntry } from "./entry.ts";
import type { Records } from "./records.ts";

/** Where entries are written before a reader may see them, so that others can go on from there. */
export interface JournalCopy {
  /** There is more to copy. */
  wrote(): void;
  /** Resolves when everything and the end is there, or will not be. */
  end(done: DoneEntry): Promise<void>;
  /** Resolves when everything is there and whoever asks next may go on with the stream. False: it could not be. */
  release(): Promise<boolean>;
  /** The copy holds up the ring: true when it shall be waited for, false when it has given up. */
  isAwaited(): boolean;
}

/** What a copy takes from its journal. */
export interface CopySource {
  readonly lastSeq: number;
  /** Bytes that were not taken yet. */
  readonly waiting: number;
  /** The next whole records that were not taken yet. */
  take(mostBytes: number): Records | undefined;
  /** Readers may see the entries up to this one. */
  show(seq: number): void;
  /** Another node has the stream. */
  lost(): void;
}
