import { endsStream } from "../openai-family/frames.ts";
import type { OwnFrames } from "../openai-frames/own-frames.ts";

/** Every response but those that say that it failed. The end has no frame. */
export const OWN_FRAMES: OwnFrames = {
  dialect: "gemini",
  isShown: (_data, said) => !endsStream(said),
};
