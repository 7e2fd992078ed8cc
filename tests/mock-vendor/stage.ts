import type { Outgoing } from "./http-server.ts";

/** Thrown to leave an answer in the middle, when the client is gone. */
export class ClientGone extends Error {}

/** Waiting during an answer: for time, or for the test to go on. Both end when the client leaves. */
export interface Stage {
  wait(ms: number | undefined): Promise<void>;
  hold(): Promise<void>;
}

export interface Holds {
  /** Calls that are silent now. */
  readonly count: number;
  /** Resolves when so many are. */
  reached(count: number): Promise<void>;
  /** Lets all of them go on. */
  release(): void;
  stageOf(out: Outgoing): Stage;
}

export function createHolds(): Holds {
  const held = new Set<() => void>();
  const waiting = new Map<() => void, number>();

  function notify(): void {
    for (const [resolve, count] of waiting) {
      if (held.size < count) continue;
      waiting.delete(resolve);
      resolve();
    }
  }

  async function until(out: Outgoing, event: Promise<void>): Promise<void> {
    await Promise.race([event, out.gone]);
    if (out.isGone) throw new ClientGone();
  }

  return {
    get count() {
      return held.size;
    },
    reached: (count) =>
      new Promise((resolve) => {
        waiting.set(resolve, count);
        notify();
      }),
    release() {
      const all = [...held];
      held.clear();
      for (const go of all) go();
    },
    stageOf: (out) => ({
      async wait(ms) {
        if (out.isGone) throw new ClientGone();
        if (ms !== undefined && ms > 0) await until(out, Bun.sleep(ms));
      },
      async hold() {
        const { promise, resolve } = Promise.withResolvers<void>();
        held.add(resolve);
        notify();
        await until(out, promise).finally(() => held.delete(resolve));
      },
    }),
  };
}
