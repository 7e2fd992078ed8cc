import { type Clock, sleep } from "../core/clock.ts";
import { SluiceError } from "../core/errors.ts";
import { parsePoints } from "../core/points.ts";
import { codeOf } from "../ledger/database.ts";
import { LEDGER_PAUSE_MS, LEDGER_TRIES } from "./limits.ts";

/** True when the ledger has answered by refusing: it did not happen, and asking again changes nothing. */
export function isRefusal(thrown: unknown): boolean {
  // SQLSTATE class 23: a constraint said no.
  return thrown instanceof SluiceError || codeOf(thrown)?.startsWith("23") === true;
}

/**
 * Calls the ledger until it has answered. Whatever is not a refusal may have happened or not, so the same call
 * with the same id is made again, a bounded number of times.
 * @param unanswered told of each try that ended without an answer: it may still reach the ledger after a refusal of a
 * later one (the network had it, or a server that was slow to read it)
 * @throws the refusal, or the last error when no answer came
 */
export async function untilAnswered<Value>(
  clock: Clock,
  call: () => Promise<Value>,
  unanswered: () => void = () => {},
): Promise<Value> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await call();
    } catch (thrown) {
      if (isRefusal(thrown)) throw thrown;
      unanswered();
      if (tries >= LEDGER_TRIES) throw thrown;
      await sleep(clock, LEDGER_PAUSE_MS * 2 ** (tries - 1));
    }
  }
}

/** What a denial of the ledger says could still be granted; undefined when it is no denial. */
export function affordableIn(thrown: unknown): bigint | undefined {
  if (!(thrown instanceof SluiceError) || thrown.code !== "insufficient_points") return undefined;
  return parsePoints(thrown.detail.affordable) ?? 0n;
}
