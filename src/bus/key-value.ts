import type { Subscription } from "./bus.ts";

/**
 * A small replicated store with compare-and-set by revision, in which every value ends by itself a fixed time
 * after it was last written. Decide by writes: what is read or watched may be stale.
 */
export interface KeyValue {
  /** Milliseconds from a value's last write to its end. */
  readonly ageMs: number;
  /** The revision written, or undefined when the key has a value. */
  create(key: string, value: Uint8Array): Promise<number | undefined>;
  /** The revision written, or undefined when the key is no longer at `revision`. */
  update(key: string, value: Uint8Array, revision: number): Promise<number | undefined>;
  /** False when the key is no longer at `revision`. */
  delete(key: string, revision: number): Promise<boolean>;
  /** Tells every value there is, then every change that is heard of. `undefined`: deleted. The end by age is not told. */
  watch(onChange: (key: string, entry: KeyValueEntry | undefined) => void): Subscription;
}

export interface KeyValueEntry {
  readonly value: Uint8Array;
  readonly revision: number;
}
