import type { OwnFrames } from "../openai-frames/own-frames.ts";

/** Every response but those that say that it failed. The end has no frame. */
export const OWN_FRAMES: OwnFrames = {
  dialect: "gemini",
  isShown: (_data, said) => !said.some(({ type }) => type === "failure" || type === "end"),
};
