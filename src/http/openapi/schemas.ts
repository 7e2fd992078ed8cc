import type { JsonObject } from "../../core/generation.ts";
import { ref } from "./description.ts";

const text = { type: "string" };
const whole = { type: "integer" };
const number = { type: "number" };
const flag = { type: "boolean" };
const points = { type: "string", examples: ["12.5"], description: "Points, with up to six decimals." };
const listOf = (items: JsonObject): JsonObject => ({ type: "array", items });
const object = (properties: JsonObject, required: readonly string[] = []): JsonObject => ({
  type: "object",
  properties,
  ...(required.length === 0 ? {} : { required }),
});

/** Bodies and answers that more than one call has. Fields that a vendor knows and this does not are passed on. */
export const SCHEMAS: JsonObject = {
  Error: object(
    {
      error: object(
        {
          message: text,
          type: text,
          code: text,
          param: { type: ["string", "null"] },
          request_id: text,
          affordable: points,
        },
        ["message", "type", "code", "param", "request_id"],
      ),
    },
    ["error"],
  ),
  ChatRequest: object(
    {
      model: { ...text, examples: ["sandbox-chat"] },
      messages: listOf(
        object(
          {
            role: { enum: ["developer", "system", "user", "assistant", "tool", "function"] },
            content: { description: "Text, or a list of parts with text and images." },
          },
          ["role"],
        ),
      ),
      stream: flag,
      stream_options: object({ include_usage: flag }),
      max_completion_tokens: whole,
      max_tokens: whole,
      n: whole,
      stop: { description: "One text, or up to four." },
      temperature: number,
      top_p: number,
      tools: listOf({ type: "object" }),
      tool_choice: {},
      response_format: { type: "object" },
      logprobs: flag,
    },
    ["model", "messages"],
  ),
  ResponseRequest: object(
    {
      model: { ...text, examples: ["sandbox-chat"] },
      input: {
        description: "Text, or a list of items: messages, reasoning, function calls and their outputs.",
      },
      instructions: text,
      previous_response_id: text,
      store: flag,
      stream: flag,
      max_output_tokens: whole,
      temperature: number,
      top_p: number,
      tools: listOf({ type: "object" }),
      tool_choice: {},
      parallel_tool_calls: flag,
      text: object({ format: { type: "object" }, verbosity: text }),
      reasoning: object({ effort: text, summary: text }),
      include: listOf(text),
      metadata: { type: "object" },
    },
    ["model", "input"],
  ),
  MessageRequest: object(
    {
      model: { ...text, examples: ["sandbox-chat"] },
      max_tokens: whole,
      messages: listOf(
        object({
          role: { enum: ["user", "assistant"] },
          content: { description: "Text, or a list of blocks." },
        }),
      ),
      system: { description: "Text, or a list of text blocks." },
      stream: flag,
      stop_sequences: listOf(text),
      temperature: number,
      top_p: number,
      top_k: whole,
      tools: listOf({ type: "object" }),
      tool_choice: { type: "object" },
      thinking: { type: "object" },
      output_config: { type: "object" },
      metadata: object({ user_id: text }),
    },
    ["model", "max_tokens", "messages"],
  ),
  CompletionRequest: object(
    { model: text, prompt: {}, stream: flag, max_tokens: whole, n: whole, temperature: number },
    ["model", "prompt"],
  ),
  EmbeddingRequest: object(
    {
      model: { ...text, examples: ["sandbox-embedding"] },
      input: {},
      dimensions: whole,
      encoding_format: text,
    },
    ["model", "input"],
  ),
  Usage: object({
    prompt_tokens: whole,
    completion_tokens: whole,
    total_tokens: whole,
    prompt_tokens_details: object({ cached_tokens: whole }),
    completion_tokens_details: object({ reasoning_tokens: whole }),
  }),
  Generation: object({
    id: text,
    object: text,
    created: whole,
    model: text,
    choices: listOf({ type: "object" }),
    usage: ref("Usage"),
  }),
  Response: object({
    id: text,
    object: text,
    created_at: whole,
    status: { enum: ["in_progress", "completed", "incomplete", "failed"] },
    error: { type: ["object", "null"] },
    incomplete_details: { type: ["object", "null"] },
    model: text,
    output: listOf({ type: "object" }),
    previous_response_id: { type: ["string", "null"] },
    store: flag,
    usage: { type: ["object", "null"] },
  }),
  Message: object({
    id: text,
    type: text,
    role: text,
    model: text,
    content: listOf({ type: "object" }),
    stop_reason: { type: ["string", "null"] },
    stop_sequence: { type: ["string", "null"] },
    usage: object({
      input_tokens: whole,
      cache_creation_input_tokens: whole,
      cache_read_input_tokens: whole,
      output_tokens: whole,
    }),
  }),
  ItemList: object({
    object: text,
    data: listOf({ type: "object" }),
    first_id: { type: ["string", "null"] },
    last_id: { type: ["string", "null"] },
    has_more: flag,
  }),
  Embeddings: object({ object: text, data: listOf({ type: "object" }), model: text, usage: ref("Usage") }),
  Model: object({ id: text, object: text, created: whole, owned_by: text }),
  Models: object({ object: text, data: listOf(ref("Model")) }),
  Balance: object({ balance: points, reserved: points, available: points, spent: points }),
  UsageReport: object({
    object: text,
    from: text,
    to: text,
    group_by: listOf(text),
    data: listOf({ type: "object" }),
  }),
  Receipt: object({
    request_id: text,
    tenant: text,
    key: text,
    at: text,
    operation: text,
    model: text,
    vendor: { type: ["string", "null"] },
    outcome: text,
    usage: { type: "object" },
    price: { type: ["object", "null"] },
    applied: {
      type: ["object", "null"],
      description: "The rates, hours and prompt length of the price by which this was charged.",
    },
    charged: points,
    loss: points,
    flags: listOf(text),
    attempts: listOf({ type: "object" }),
    signature: { ...text, description: "HMAC-SHA256 over the rest as JSON with sorted keys." },
  }),
  Explanation: object({
    request_id: text,
    outcome: { type: ["string", "null"] },
    attempts: listOf({ type: "object" }),
    routing: { type: ["object", "null"] },
  }),
  Ticket: object({ ticket: text, expires_in: whole }),
  Health: object({ status: text, reasons: listOf(text) }, ["status"]),
};
