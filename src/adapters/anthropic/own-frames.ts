import { objectOf, parseJson } from "../json.ts";
import { endsStream } from "../openai-family/frames.ts";
import type { OwnFrames } from "../openai-frames/own-frames.ts";
import type { Shown } from "../openai-frames/shown.ts";

/** What says that it is over. */
const ENDS = new Set(["message_stop", "error"]);
/** In every frame that may say so; escaped, it says the same. */
const BEGINNING = /message_start|\\u/;

/** Everything but the end and errors. Some servers begin twice, which Anthropic's own SDK takes for an error. */
export const createOwnFrames = (): OwnFrames => new MessageFrames();

class MessageFrames implements OwnFrames {
  readonly dialect = "anthropic";
  #hasBegun = false;

  isShown(data: string, said: readonly Shown[], name: string | undefined): boolean {
    if (endsStream(said)) return false;
    if (name !== undefined && ENDS.has(name)) return false;
    if (!BEGINNING.test(data)) return true;
    if (objectOf(parseJson(data))?.type !== "message_start") return true;
    const isFirst = !this.#hasBegun;
    this.#hasBegun = true;
    return isFirst;
  }
}
