import { objectOf, parseJson } from "../json.ts";
import type { OwnFrames } from "../openai-frames/own-frames.ts";

/** Everything but the end and errors. Some servers begin twice, which Anthropic's own SDK takes for an error. */
export function createOwnFrames(): OwnFrames {
  let hasBegun = false;
  return {
    dialect: "anthropic",
    isShown(data, said) {
      if (said.some(({ type }) => type === "end" || type === "failure")) return false;
      if (!data.includes("message_start")) return true;
      if (objectOf(parseJson(data))?.type !== "message_start") return true;
      const isFirst = !hasBegun;
      hasBegun = true;
      return isFirst;
    },
  };
}
