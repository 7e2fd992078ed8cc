import { SluiceError } from "../core/errors.ts";

/** So much work at once, and so much that waits for its turn; what comes beyond is refused. */
export interface Turns {
  /** @throws SluiceError `overloaded` when too many wait */
  run<Value>(work: () => Promise<Value>): Promise<Value>;
}

export function createTurns(mostAtOnce: number, mostWaiting: number): Turns {
  let running = 0;
  const waiting: (() => void)[] = [];
  return {
    async run(work) {
      if (running < mostAtOnce) running += 1;
      else if (waiting.length < mostWaiting) await new Promise<void>((resolve) => waiting.push(resolve));
      else {
        const message = "Too many pictures are being worked on. Try again.";
        throw new SluiceError("overloaded", message, { retryAfterMs: 1_000 });
      }
      try {
        return await work();
      } finally {
        // The place goes to the next in line, or is free.
        const next = waiting.shift();
        if (next === undefined) running -= 1;
        else next();
      }
    },
  };
}
