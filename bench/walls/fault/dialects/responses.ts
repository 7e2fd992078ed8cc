import { TOOL } from "../wires/wire.ts";
import {
  type Asked,
  costIn,
  type Dialect,
  endOf,
  framesIn,
  headSeen,
  post,
  QUESTION,
  type Seen,
  sameWord,
  TOOL_SCHEMA,
} from "./dialect.ts";

/** OpenAI's Responses. */
export const responses: Dialect = {
  name: "responses",
  modes: ["whole", "stream"],
  wires: ["openai", "openai-responses", "anthropic", "gemini"],
  hasTools: true,
  isCommon: false,
  wordFor: sameWord,
  async ask(to) {
    const { response, text, bytes } = await post(to, "/v1/responses", bodyOf(to));
    const head = { ...headSeen(response), bytes };
    return response.ok && to.mode === "stream"
      ? { ...head, ...readEvents(text) }
      : { ...head, ...readWhole(text) };
  },
};

const bodyOf = ({ model, mode, withTool }: Asked): object => ({
  model,
  store: false,
  stream: mode === "stream",
  input: QUESTION,
  ...(withTool ? { tools: [{ type: "function", name: TOOL, parameters: TOOL_SCHEMA, strict: false }] } : {}),
});

type Read = Pick<Seen, "end" | "error" | "text" | "cost">;

interface Event {
  readonly type: string;
  readonly delta?: string;
  readonly error?: { readonly code: string };
}

function readEvents(sse: string): Read {
  const frames = framesIn(sse);
  let text = "";
  let error: string | undefined;
  let hasEnd = false;
  for (const { data } of frames) {
    if (data === undefined) continue;
    const event = JSON.parse(data) as Event;
    if (
      event.type === "response.output_text.delta" ||
      event.type === "response.function_call_arguments.delta"
    )
      text += event.delta ?? "";
    if (event.type === "error") error ??= event.error?.code ?? "";
    if (event.type === "response.completed" || event.type === "response.incomplete") hasEnd = true;
  }
  return {
    end: endOf(hasEnd, error !== undefined),
    text,
    ...(error === undefined ? {} : { error }),
    ...costIn(frames),
  };
}

interface Item {
  readonly arguments?: string;
  readonly content?: readonly { readonly text?: string }[];
}

function readWhole(json: string): Read {
  const { error, output = [] } = JSON.parse(json) as {
    readonly error?: { readonly code: string } | null;
    readonly output?: readonly Item[];
  };
  if (error !== undefined && error !== null) return { end: "refused", error: error.code, text: "" };
  const texts = output.map(
    (item) => item.arguments ?? item.content?.map((part) => part.text ?? "").join("") ?? "",
  );
  return { end: "whole", text: texts.join("") };
}
