import { chatBody, readChunks, readWhole } from "./chat.ts";
import { type Dialect, headSeen, post, sameWord } from "./dialect.ts";

/** Chat completions as a resumable stream, which is then read once more from its beginning: it must be the same. */
export const resumable: Dialect = {
  name: "resumable",
  modes: ["stream"],
  wires: ["openai", "anthropic", "gemini"],
  hasTools: true,
  isCommon: false,
  wordFor: sameWord,
  async ask(to) {
    const headers = { "x-sluice-resumable": "true" };
    const { response, text, bytes } = await post(to, "/v1/chat/completions", chatBody(to), headers);
    const head = { ...headSeen(response), bytes };
    if (!response.ok) return { ...head, ...readWhole(text) };
    const again = await fetch(`${to.url}/v1/streams/${response.headers.get("x-sluice-stream")}`, {
      headers: { authorization: `Bearer ${to.key}` },
    });
    const isSame = (await again.text()) === text;
    const read = readChunks(text);
    return {
      ...head,
      ...read,
      ...(isSame ? {} : { text: `${read.text} (and another text when read again)` }),
    };
  },
};
