import {
  type Asked,
  CHAT_TOOLS,
  costIn,
  type Dialect,
  endOf,
  framesIn,
  headSeen,
  post,
  QUESTION,
  type Seen,
  sameWord,
} from "./dialect.ts";

/** OpenAI's chat completions. */
export const chat: Dialect = {
  name: "chat",
  modes: ["whole", "stream"],
  wires: ["openai", "anthropic", "gemini"],
  hasTools: true,
  isCommon: true,
  wordFor: sameWord,
  async ask(to) {
    const { response, text, bytes } = await post(to, "/v1/chat/completions", chatBody(to));
    const head = { ...headSeen(response), bytes };
    return response.ok && to.mode === "stream"
      ? { ...head, ...readChunks(text) }
      : { ...head, ...readWhole(text) };
  },
};

export const chatBody = ({ model, mode, withTool }: Asked): object => ({
  model,
  ...(mode === "stream" ? { stream: true } : {}),
  messages: [{ role: "user", content: QUESTION }],
  ...(withTool ? { tools: CHAT_TOOLS } : {}),
});

type Read = Pick<Seen, "end" | "error" | "text" | "cost">;

interface Said {
  readonly content?: string | null;
  readonly tool_calls?: readonly { readonly function?: { readonly arguments?: string } }[];
}
interface Chunk {
  readonly error?: { readonly code: string };
  readonly choices?: readonly { readonly delta?: Said; readonly message?: Said; readonly text?: string }[];
}

/** The words of all frames; shared with legacy completions, whose frames have a `text`. */
export function readChunks(sse: string): Read {
  const frames = framesIn(sse);
  let text = "";
  let error: string | undefined;
  for (const { data } of frames) {
    if (data === undefined || data === "[DONE]") continue;
    const chunk = JSON.parse(data) as Chunk;
    error ??= chunk.error?.code;
    text += wordsOf(chunk);
  }
  const hasEnd = frames.some(({ data }) => data === "[DONE]");
  return {
    end: endOf(hasEnd, error !== undefined),
    text,
    ...(error === undefined ? {} : { error }),
    ...costIn(frames),
  };
}

export function readWhole(json: string): Read {
  const answer = JSON.parse(json) as Chunk;
  if (answer.error !== undefined) return { end: "refused", error: answer.error.code, text: "" };
  return { end: "whole", text: wordsOf(answer) };
}

function wordsOf({ choices = [] }: Chunk): string {
  const [choice] = choices;
  const said = choice?.delta ?? choice?.message;
  const pieces = [choice?.text, said?.content, said?.tool_calls?.[0]?.function?.arguments];
  return pieces.map((piece) => piece ?? "").join("");
}
