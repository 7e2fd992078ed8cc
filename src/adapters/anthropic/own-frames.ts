import { objectOf, parseJson } from "../json.ts";
import type { OwnFrames } from "../openai-frames/own-frames.ts";

/** What says that it is over. */
const ENDS = new Set(["message_stop", "error"]);
/** In every frame that may say so; escaped, it says the same. */
const BEGINNING = /message_start|\\u/;

/** Everything but the end and errors. Some servers begin twice, which Anthropic's own SDK takes for an error. */
export function createOwnFrames(): OwnFrames {
  let hasBegun = false;
  return {
    dialect: "anthropic",
    isShown(data, said, name) {
      if (said.some(({ type }) => type === "end" || type === "failure")) return false;
      if (name !== undefined && ENDS.has(name)) return false;
      if (!BEGINNING.test(data)) return true;
      if (objectOf(parseJson(data))?.type !== "message_start") return true;
      const isFirst = !hasBegun;
      hasBegun = true;
      return isFirst;
    },
  };
}
