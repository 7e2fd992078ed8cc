import type { JsonObject } from "../../src/core/generation.ts";
import type { Shape, ToolCall } from "./script.ts";

/**
 * Chunks and answers as each vendor builds them. From recordings and the vendors' documentation;
 * written apart from the adapters on purpose, so that a mistake is not made twice.
 */
export interface ShapeRules {
  /** Where a stream carries its usage. */
  readonly usagePlace: "own_chunk" | "finish_chunk";
  /** Usage comes only when it is asked for. */
  readonly usageOnRequest: boolean;
  /** Whether chunks before the usage carry `"usage":null`. */
  nullUsage(includeUsage: boolean): boolean;
  readonly answerId: (number: number) => string;
  /** Further fields of every chunk and answer. */
  readonly extras: JsonObject;
  /** The first frame of a choice, before any content. */
  readonly opening: JsonObject | undefined;
  content(text: string): JsonObject;
  reasoning(text: string): JsonObject;
  toolStart(call: number, id: string, name: string): JsonObject;
  toolArguments(call: number, piece: string): JsonObject;
  readonly closing: JsonObject;
  choice(index: number, delta: JsonObject, finish: string | null): JsonObject;
  message(said: Said): JsonObject;
  usage(counts: Counts): JsonObject;
}

export interface Said {
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly (ToolCall & { readonly id: string })[];
}

export interface Counts {
  readonly prompt: number;
  readonly cached: number;
  /** Reasoning included. */
  readonly completion: number;
  readonly reasoning: number;
}

const baseUsage = ({ prompt, cached, completion, reasoning }: Counts): JsonObject => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion,
  prompt_tokens_details: { cached_tokens: cached },
  completion_tokens_details: { reasoning_tokens: reasoning },
});

const toolCallsOf = (said: Said): JsonObject =>
  said.toolCalls.length === 0
    ? {}
    : {
        tool_calls: said.toolCalls.map(({ id, name, arguments: text }, index) => ({
          index,
          id,
          type: "function",
          function: { name, arguments: text },
        })),
      };

const toolDelta = (call: number, fields: JsonObject, called: JsonObject): JsonObject => ({
  tool_calls: [{ index: call, ...fields, function: called }],
});

const reasoningOf = (said: Said): JsonObject =>
  said.reasoning === "" ? {} : { reasoning_content: said.reasoning };

const withNullFinish = (index: number, delta: JsonObject, finish: string | null): JsonObject => ({
  index,
  delta,
  logprobs: null,
  finish_reason: finish,
});

const openai: ShapeRules = {
  usagePlace: "own_chunk",
  usageOnRequest: true,
  nullUsage: (includeUsage) => includeUsage,
  answerId: (number) => `chatcmpl-mock${number}`,
  extras: { service_tier: "default", system_fingerprint: "fp_1a2b3c4d5e" },
  opening: { role: "assistant", content: "", refusal: null },
  content: (text) => ({ content: text }),
  // OpenAI does not show its reasoning in chat completions: these tokens only count.
  reasoning: () => ({}),
  toolStart: (call, id, name) => toolDelta(call, { id, type: "function" }, { name, arguments: "" }),
  toolArguments: (call, piece) => toolDelta(call, {}, { arguments: piece }),
  closing: {},
  choice: withNullFinish,
  message: (said) => ({
    role: "assistant",
    content: said.toolCalls.length > 0 ? null : said.text,
    ...toolCallsOf(said),
    refusal: null,
    annotations: [],
  }),
  usage: (counts) => ({
    ...baseUsage(counts),
    prompt_tokens_details: { cached_tokens: counts.cached, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: counts.reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  }),
};

const deepseek: ShapeRules = {
  ...openai,
  usagePlace: "finish_chunk",
  usageOnRequest: false,
  nullUsage: () => true,
  answerId: (number) => `945bb10c-0000-4000-8000-${String(number).padStart(12, "0")}`,
  extras: { system_fingerprint: "fp_eaab8d114b_prod0820_fp8_kvcache" },
  opening: { role: "assistant", content: null, reasoning_content: "" },
  content: (text) => ({ content: text, reasoning_content: null }),
  reasoning: (text) => ({ content: null, reasoning_content: text }),
  closing: { content: "", reasoning_content: null },
  message: (said) => ({
    role: "assistant",
    content: said.text,
    ...reasoningOf(said),
    ...toolCallsOf(said),
  }),
  usage: (counts) => ({
    ...baseUsage(counts),
    prompt_cache_hit_tokens: counts.cached,
    prompt_cache_miss_tokens: counts.prompt - counts.cached,
  }),
};

const qwen: ShapeRules = {
  ...deepseek,
  usagePlace: "own_chunk",
  usageOnRequest: true,
  answerId: (number) => `chatcmpl-8e243c57-0000-9000-8000-${String(number).padStart(12, "0")}`,
  extras: { system_fingerprint: null },
  opening: { content: null, role: "assistant", reasoning_content: "" },
  toolStart: (call, id, name) => ({
    content: null,
    ...toolDelta(call, { id, type: "function" }, { name, arguments: "" }),
    role: "assistant",
  }),
  // The id is empty, not absent, on all deltas but the first.
  toolArguments: (call, piece) => ({
    content: null,
    ...toolDelta(call, { id: "", type: "function" }, { arguments: piece }),
  }),
  usage: baseUsage,
};

const doubao: ShapeRules = {
  ...openai,
  nullUsage: () => true,
  answerId: (number) => `0217426324357${String(number).padStart(5, "0")}f12d018b5d576a7a55349c2eba0815061fc`,
  extras: { service_tier: "default" },
  opening: undefined,
  // The role is repeated in every delta.
  content: (text) => ({ content: text, role: "assistant" }),
  reasoning: (text) => ({ content: "", reasoning_content: text, role: "assistant" }),
  toolStart: (call, id, name) => ({
    content: "",
    role: "assistant",
    ...toolDelta(call, { id, type: "function" }, { name, arguments: "" }),
  }),
  toolArguments: (call, piece) => ({
    content: "",
    role: "assistant",
    ...toolDelta(call, {}, { arguments: piece, name: "" }),
  }),
  closing: { content: "", role: "assistant" },
  // `finish_reason` is absent, not null, until the last chunk.
  choice: (index, delta, finish) => ({
    delta,
    ...(finish === null ? {} : { finish_reason: finish }),
    index,
  }),
  message: (said) => ({
    content: said.text,
    ...reasoningOf(said),
    ...toolCallsOf(said),
    role: "assistant",
  }),
  usage: baseUsage,
};

export const SHAPES: Readonly<Record<Shape, ShapeRules>> = { openai, deepseek, qwen, doubao };
