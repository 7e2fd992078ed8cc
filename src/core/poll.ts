/** What a source answers that has nothing at the moment. */
export const NOT_YET = Symbol("not yet");
export type NotYet = typeof NOT_YET;

/**
 * What is read without a promise for each piece: asked for what is there, and told when to ask again. For sources that
 * are read for every token; `nextOf` makes a promise of it.
 */
export interface Pollable<Value> {
  /** The next value, or that there is none yet. */
  poll(): Value | NotYet;
  /** `run` is called once when `poll` may have an answer, in place of what was asked to be called before. */
  whenReady(run: () => void): void;
}

/** Resolves when `poll` may have an answer. */
export function readiness(source: Pollable<unknown>): Promise<void> {
  return new Promise((resolve) => source.whenReady(resolve));
}

/** The next value, waited for. Rejects with what `poll` throws. */
export async function nextOf<Value>(source: Pollable<Value>): Promise<Value> {
  for (;;) {
    const value = source.poll();
    if (value !== NOT_YET) return value;
    await readiness(source);
  }
}
