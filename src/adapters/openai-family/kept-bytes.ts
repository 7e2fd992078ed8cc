/** What of a block goes on to the client. As long as that is one run, it is handed on without a copy. */
export interface KeptBytes {
  /** Keeps the block's bytes from `start` to `end`; ranges come in order. */
  keep(start: number, end: number): void;
  /** Puts other bytes here instead. */
  add(bytes: Uint8Array): void;
  /** Undefined when nothing was kept. */
  bytes(): Uint8Array | undefined;
}

export function createKeptBytes(block: Uint8Array): KeptBytes {
  const pieces: Uint8Array[] = [];
  let runStart = 0;
  let runEnd = 0;

  function closeRun(): void {
    if (runEnd > runStart) pieces.push(block.subarray(runStart, runEnd));
    runStart = runEnd;
  }

  return {
    keep(start, end) {
      if (start !== runEnd) {
        closeRun();
        runStart = start;
      }
      runEnd = end;
    },
    add(bytes) {
      closeRun();
      pieces.push(bytes);
    },
    bytes() {
      closeRun();
      const [only] = pieces;
      return pieces.length <= 1 ? only : Buffer.concat(pieces);
    },
  };
}
