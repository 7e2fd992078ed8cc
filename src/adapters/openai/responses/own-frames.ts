import { objectOf, parseJson } from "../../json.ts";
import type { OwnFrames } from "../../openai-frames/own-frames.ts";

const BEGINNING = "response.created";

/** Everything but errors and chat's end marker, of beginnings the first; the event that ends the response waits. */
export function createOwnFrames(): OwnFrames {
  let hasBegun = false;
  return {
    dialect: "openai-responses",
    isShown(data, said) {
      if (said.some(({ type }) => type === "end" || type === "failure")) return false;
      if (data.trim() === "[DONE]") return false;
      if (!data.includes(BEGINNING) || objectOf(parseJson(data))?.type !== BEGINNING) return true;
      const isFirst = !hasBegun;
      hasBegun = true;
      return isFirst;
    },
    isClosing: (_data, said) => said.some(({ type }) => type === "end"),
  };
}
