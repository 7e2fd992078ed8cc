import { SluiceError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";

/** Works with the store of bytes. @throws SluiceError `overloaded` when it fails: a store that is away passes */
export async function reached<Value>(log: Log, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (cause) {
    log.error("the media store failed", { cause: String(cause) });
    const message = "Pictures and sound cannot be stored or read at the moment. Try again.";
    throw new SluiceError("overloaded", message, { retryAfterMs: 5_000, cause });
  }
}
