import type { ErrorCode } from "../../../../src/core/errors.ts";
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
  TOOL_SCHEMA,
} from "./dialect.ts";

/** Anthropic's Messages. An error there has a type of theirs, and Sluice's code beside it. */
export const messages: Dialect = {
  name: "messages",
  modes: ["whole", "stream"],
  wires: ["openai", "anthropic", "gemini"],
  hasTools: true,
  isCommon: false,
  wordFor: (code) => `${TYPES[code] ?? "api_error"} ${code}`,
  async ask(to) {
    const { response, text, bytes } = await post(to, "/v1/messages", bodyOf(to));
    const head = { ...headSeen(response), bytes };
    return response.ok && to.mode === "stream"
      ? { ...head, ...readEvents(text) }
      : { ...head, ...readWhole(text) };
  },
};

/** From Anthropic's errors page, for what the wall brings about. */
const TYPES: Readonly<Partial<Record<ErrorCode, string>>> = {
  invalid_request: "invalid_request_error",
  rate_limit_exceeded: "rate_limit_error",
  vendor_timeout: "timeout_error",
};

const bodyOf = ({ model, mode, withTool }: Asked): object => ({
  model,
  max_tokens: 100,
  stream: mode === "stream",
  messages: [{ role: "user", content: QUESTION }],
  ...(withTool ? { tools: [{ name: TOOL, input_schema: TOOL_SCHEMA }] } : {}),
});

type Read = Pick<Seen, "end" | "error" | "text" | "cost">;

interface Fault {
  readonly type: string;
  readonly code: string;
}
interface Event {
  readonly type: string;
  readonly delta?: { readonly text?: string; readonly partial_json?: string };
  readonly error?: Fault;
}

const wordOf = ({ type, code }: Fault): string => `${type} ${code}`;

function readEvents(sse: string): Read {
  const frames = framesIn(sse);
  let text = "";
  let error: string | undefined;
  let hasEnd = false;
  for (const { data } of frames) {
    if (data === undefined) continue;
    const event = JSON.parse(data) as Event;
    if (event.type === "content_block_delta") text += event.delta?.text ?? event.delta?.partial_json ?? "";
    if (event.error !== undefined) error ??= wordOf(event.error);
    if (event.type === "message_stop") hasEnd = true;
  }
  const failed = error === undefined ? {} : { error };
  return { end: endOf(hasEnd, error !== undefined), text, ...failed, ...costIn(frames) };
}

function readWhole(json: string): Read {
  const { error, content = [] } = JSON.parse(json) as {
    readonly error?: Fault;
    readonly content?: readonly { readonly text?: string; readonly input?: object }[];
  };
  if (error !== undefined) return { end: "refused", error: wordOf(error), text: "" };
  const texts = content.map(({ text, input }) => text ?? (input === undefined ? "" : JSON.stringify(input)));
  return { end: "whole", text: texts.join("") };
}
