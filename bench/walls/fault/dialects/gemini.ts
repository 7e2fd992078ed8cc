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

/** Gemini's `generateContent` and `streamGenerateContent`. An error has a status of theirs, and Sluice's code in its details. */
export const gemini: Dialect = {
  name: "gemini",
  modes: ["whole", "stream"],
  wires: ["openai", "anthropic", "gemini"],
  hasTools: true,
  hasWholeCalls: true,
  isCommon: false,
  wordFor: (code) => `${STATUSES[code] ?? "UNAVAILABLE"} ${code}`,
  async ask(to) {
    const method = to.mode === "stream" ? "streamGenerateContent?alt=sse" : "generateContent";
    const { response, text, bytes } = await post(to, `/v1beta/models/${to.model}:${method}`, bodyOf(to));
    const head = { ...headSeen(response), bytes };
    return response.ok && to.mode === "stream"
      ? { ...head, ...readFrames(text) }
      : { ...head, ...readWhole(text) };
  },
};

/** `google.rpc.Code`, for what the wall brings about. */
const STATUSES: Readonly<Partial<Record<ErrorCode, string>>> = {
  invalid_request: "INVALID_ARGUMENT",
  rate_limit_exceeded: "RESOURCE_EXHAUSTED",
  vendor_timeout: "DEADLINE_EXCEEDED",
};

const bodyOf = ({ withTool }: Asked): object => ({
  contents: [{ role: "user", parts: [{ text: QUESTION }] }],
  generationConfig: { maxOutputTokens: 100 },
  ...(withTool ? { tools: [{ functionDeclarations: [{ name: TOOL, parameters: TOOL_SCHEMA }] }] } : {}),
});

type Read = Pick<Seen, "end" | "error" | "text" | "cost">;

interface Part {
  readonly text?: string;
  readonly functionCall?: { readonly args?: object };
}
interface Content {
  readonly candidates?: readonly {
    readonly content?: { readonly parts?: readonly Part[] };
    readonly finishReason?: string;
  }[];
  readonly error?: {
    readonly status: string;
    readonly details: readonly { readonly metadata?: { readonly code: string } }[];
  };
}

const wordOf = ({ status, details }: NonNullable<Content["error"]>): string =>
  `${status} ${details[0]?.metadata?.code}`;

const textIn = ({ candidates = [] }: Content): string =>
  (candidates[0]?.content?.parts ?? [])
    .map(({ text, functionCall }) =>
      functionCall === undefined ? (text ?? "") : JSON.stringify(functionCall.args),
    )
    .join("");

/** There is no end marker: whoever names the reason for the end has ended. */
function readFrames(sse: string): Read {
  const frames = framesIn(sse);
  const contents = frames.flatMap(({ data }) => (data === undefined ? [] : [JSON.parse(data) as Content]));
  const failure = contents.find(({ error }) => error !== undefined)?.error;
  const hasEnd = contents.some(({ candidates = [] }) => candidates[0]?.finishReason !== undefined);
  const failed = failure === undefined ? {} : { error: wordOf(failure) };
  return {
    end: endOf(hasEnd, failure !== undefined),
    text: contents.map(textIn).join(""),
    ...failed,
    ...costIn(frames),
  };
}

function readWhole(json: string): Read {
  const content = JSON.parse(json) as Content;
  if (content.error !== undefined) return { end: "refused", error: wordOf(content.error), text: "" };
  return { end: "whole", text: textIn(content) };
}
