import { readChunks, readWhole } from "./chat.ts";
import { type Dialect, headSeen, post, QUESTION, sameWord } from "./dialect.ts";

/** OpenAI's legacy completions, which no other wire has. */
export const completions: Dialect = {
  name: "completions",
  modes: ["whole", "stream"],
  wires: ["openai"],
  hasTools: false,
  isCommon: true,
  wordFor: sameWord,
  async ask(to) {
    const isStream = to.mode === "stream";
    const body = { model: to.model, prompt: QUESTION, max_tokens: 100, stream: isStream };
    const { response, text, bytes } = await post(to, "/v1/completions", body);
    return {
      ...headSeen(response),
      bytes,
      ...(response.ok && isStream ? readChunks(text) : readWhole(text)),
    };
  },
};
