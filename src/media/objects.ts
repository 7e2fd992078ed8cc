/** Where bytes are, under the hash of what they are. The same key always holds the same bytes. */
export interface Objects {
  has(key: string): Promise<boolean>;
  /** Takes over a finished file. It is there wholly or not at all; the file is gone, or left for its owner to remove. */
  putFile(key: string, path: string, contentType: string): Promise<void>;
  put(key: string, bytes: Uint8Array, contentType: string): Promise<void>;
  /** From `start` up to and without `end`. Undefined: it is not there. */
  read(key: string, start: number, end: number): Promise<ReadableStream<Uint8Array> | undefined>;
  /** No error when it is not there. */
  remove(key: string): Promise<void>;
}
