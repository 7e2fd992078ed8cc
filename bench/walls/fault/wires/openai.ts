import { type Answer, askedIn, frame, type Operation, TOOL, type Told, type Wire } from "./wire.ts";

const WORDS = { message: "The vendor says no.", code: null, param: null };

/** OpenAI's chat completions and legacy completions, as its API reference has them. */
export const openai: Wire = {
  name: "openai",
  adapter: "openai-compatible",
  baseUrl: (url) => `${url}/v1`,
  read(path, body) {
    if (path.endsWith("/chat/completions")) return askedIn(body, "chat");
    return path.endsWith("/completions") ? askedIn(body, "completion") : undefined;
  },
  frames(answer, operation) {
    const isChat = operation === "chat";
    const chunk = (delta: object, finish: string | null = null): string =>
      frame({ ...headOf(operation, true), choices: [{ index: 0, ...delta, finish_reason: finish }] });
    const words = answer.words.map((word) => chunk(isChat ? { delta: { content: word } } : { text: word }));
    return {
      opening: isChat ? chunk({ delta: { role: "assistant", content: "" } }) : "",
      content: answer.call === undefined ? words : callDeltas(answer.call).map((delta) => chunk({ delta })),
      finish: chunk(isChat ? { delta: {} } : { text: "" }, answer.call === undefined ? "stop" : "tool_calls"),
      usage: answer.usage
        .map((told) => frame({ ...headOf(operation, true), choices: [], usage: usageOf(told) }))
        .join(""),
      end: frame("[DONE]"),
    };
  },
  whole(answer, operation) {
    const told = answer.usage.at(-1);
    return JSON.stringify({
      ...headOf(operation, false),
      choices: [choiceOf(answer, operation)],
      ...(told === undefined ? {} : { usage: usageOf(told) }),
    });
  },
  refusal: (status) => JSON.stringify({ error: { ...WORDS, type: TYPES[status] ?? "server_error" } }),
  failure: frame({ error: { ...WORDS, type: "server_error" } }),
  tellsPromptFirst: false,
  tellsUsageWithFinish: false,
};

const TYPES: Readonly<Partial<Record<number, string>>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  429: "rate_limit_error",
};

const headOf = (operation: Operation, isChunk: boolean): object => ({
  id: "chatcmpl-wall",
  object:
    operation === "completion" ? "text_completion" : isChunk ? "chat.completion.chunk" : "chat.completion",
  created: 1_770_933_892,
  model: "wall",
});

const usageOf = ({ prompt, completion }: Told): object => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
});

function choiceOf({ words, call }: Answer, operation: Operation): object {
  if (operation === "completion") return { index: 0, text: words.join(""), finish_reason: "stop" };
  if (call === undefined) {
    return { index: 0, message: { role: "assistant", content: words.join("") }, finish_reason: "stop" };
  }
  const tool = { id: "call_1", type: "function", function: { name: TOOL, arguments: call.join("") } };
  return {
    index: 0,
    message: { role: "assistant", content: null, tool_calls: [tool] },
    finish_reason: "tool_calls",
  };
}

const callDeltas = (pieces: readonly string[]): readonly object[] => [
  { tool_calls: [{ index: 0, id: "call_1", type: "function", function: { name: TOOL, arguments: "" } }] },
  ...pieces.map((piece) => ({ tool_calls: [{ index: 0, function: { arguments: piece } }] })),
];
