import { objectOf, parseJson } from "../../json.ts";
import type { OwnFrames } from "../../openai-frames/own-frames.ts";

const BEGINNING = "response.created";
/** In every frame that may say so; escaped, it says the same. */
const MAY_BEGIN = /response\.created|\\u/;
/** What says that it is over. */
const ENDS = new Set([
  ...["response.completed", "response.incomplete", "response.failed", "response.cancelled", "error"],
]);

/** Everything but errors and chat's end marker, of beginnings the first; the event that ends the response waits. */
export function createOwnFrames(): OwnFrames {
  let hasBegun = false;
  return {
    dialect: "openai-responses",
    isShown(data, said, name) {
      if (said.some(({ type }) => type === "end" || type === "failure")) return false;
      if (data.trim() === "[DONE]" || (name !== undefined && ENDS.has(name))) return false;
      if (!MAY_BEGIN.test(data) || objectOf(parseJson(data))?.type !== BEGINNING) return true;
      const isFirst = !hasBegun;
      hasBegun = true;
      return isFirst;
    },
    isClosing: (_data, said) => said.some(({ type }) => type === "end"),
  };
}
