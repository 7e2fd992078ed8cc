import type { JsonObject } from "../../../core/generation.ts";
import {
  asBody,
  asObject,
  checkFields,
  type FieldType,
  invalid,
  optionalInteger,
  requiredText,
} from "../../../gateway/requests/fields.ts";
import { itemsOf } from "./items.ts";
import { responseFormatOf } from "./text-format.ts";
import { toolChoiceOf, toolsOf } from "./tools.ts";
import { unsupported } from "./unsupported.ts";

/** A body of `POST /v1/responses`, read and checked; in chat's terms but for the conversation. */
export interface ResponsesRequest {
  /** As the client sent it. */
  readonly body: JsonObject;
  readonly stream: boolean;
  /** What this turn adds to the conversation. */
  readonly input: readonly JsonObject[];
  readonly instructions: string | undefined;
  /** The response that the conversation goes on from. */
  readonly previous: string | undefined;
  /** Whether the response is kept, to be fetched and gone on from. */
  readonly store: boolean;
  /** Reasoning is told as a summary; else as what it is. */
  readonly summarizes: boolean;
  readonly include: ReadonlySet<Included>;
  /** Fields that ask for what is not done here. */
  readonly dropped: readonly string[];
  /** The chat body without `messages`. */
  readonly chat: JsonObject;
}

const FIELDS: Readonly<Record<string, FieldType>> = {
  stream: "boolean",
  stream_options: "object",
  instructions: "string",
  previous_response_id: "string",
  store: "boolean",
  background: "boolean",
  temperature: "number",
  top_p: "number",
  tools: "array",
  parallel_tool_calls: "boolean",
  text: "object",
  reasoning: "object",
  metadata: "object",
  include: "array",
  user: "string",
  truncation: "string",
};

/** What `include` can ask for here; the rest is about tools that only OpenAI runs. */
const INCLUDED = ["reasoning.encrypted_content", "message.output_text.logprobs"] as const;
export type Included = (typeof INCLUDED)[number];

/** Would be taken for granted and not be done. */
const REFUSED: Readonly<Record<string, string>> = {
  conversation: "conversations are not kept here: use 'previous_response_id'",
  prompt: "prompt templates are not kept here: send 'instructions' and 'input'",
};

/** Chat's words for what has another name here: their meaning would slip through unseen. */
const OF_CHAT: Readonly<Record<string, string>> = {
  messages: "input",
  max_tokens: "max_output_tokens",
  max_completion_tokens: "max_output_tokens",
  response_format: "text.format",
  reasoning_effort: "reasoning.effort",
  verbosity: "text.verbosity",
  logprobs: "include",
  functions: "tools",
  function_call: "tool_choice",
  n: "one answer",
};

/** Read here. Every other field goes to the vendor as it came. */
const READ_HERE = new Set([
  ...["model", "stream", "stream_options", "input", "instructions", "previous_response_id", "store"],
  ...[
    "background",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "text",
    "reasoning",
    "metadata",
    "include",
  ],
  ...["truncation", "max_output_tokens", "max_tool_calls", "top_logprobs", "context_management"],
  ...Object.keys(REFUSED),
]);

const MOST_TOKENS = 10_000_000;
const MOST_LOGPROBS = 20;

/**
 * Reads a Responses body (OpenAI's published request schema).
 * @throws SluiceError `invalid_request` or `unsupported_parameter` with the field in `param`
 */
export function parseResponses(value: unknown): ResponsesRequest {
  const body = asBody(value);
  requiredText(body, "model");
  checkFields(body, FIELDS);
  refuse(body);
  checkMetadata(body.metadata);
  const dropped: string[] = [];
  const include = includedIn(body.include, dropped);
  const reasoning = asObject(body.reasoning ?? {}, "reasoning");
  checkReasoning(reasoning);
  noteDropped(body, dropped);
  return {
    body,
    stream: body.stream === true,
    input: itemsOf(body.input),
    instructions: textOrNone(body.instructions),
    previous: textOrNone(body.previous_response_id),
    store: body.store !== false,
    summarizes: isSet(reasoning.summary) || isSet(reasoning.generate_summary),
    include,
    dropped,
    chat: chatFields(body, reasoning, include),
  };
}

function refuse(body: JsonObject): void {
  if (body.background === true) {
    throw unsupported("background", "nothing runs in the background here: stream with 'x-sluice-resumable'");
  }
  for (const [name, why] of Object.entries(REFUSED)) if (isSet(body[name])) throw unsupported(name, why);
  for (const [name, instead] of Object.entries(OF_CHAT)) {
    if (isSet(body[name]))
      throw unsupported(name, `this is a field of chat completions; here it is ${instead}`);
  }
}

function chatFields(body: JsonObject, reasoning: JsonObject, include: ReadonlySet<Included>): JsonObject {
  const tools = toolsOf(body.tools, body.tool_choice);
  const choice = toolChoiceOf(body.tool_choice);
  const text = asObject(body.text ?? {}, "text");
  const format = responseFormatOf(text.format);
  const tokens = optionalInteger(body, "max_output_tokens", 1, MOST_TOKENS);
  const logprobs = optionalInteger(body, "top_logprobs", 0, MOST_LOGPROBS);
  const wantsLogprobs = include.has("message.output_text.logprobs") || (logprobs ?? 0) > 0;
  const fields: Record<string, unknown> = { model: body.model, stream: body.stream === true };
  // Null is as good as absent, and some vendors refuse it.
  for (const name of Object.keys(body))
    if (!READ_HERE.has(name) && isSet(body[name])) fields[name] = body[name];
  if (tokens !== undefined) fields.max_completion_tokens = tokens;
  if (tools.length > 0) {
    fields.tools = tools;
    if (choice !== undefined) fields.tool_choice = choice;
    if (isSet(body.parallel_tool_calls)) fields.parallel_tool_calls = body.parallel_tool_calls;
  }
  if (format !== undefined) fields.response_format = format;
  if (isSet(text.verbosity)) fields.verbosity = text.verbosity;
  if (isSet(reasoning.effort)) fields.reasoning_effort = reasoning.effort;
  if (wantsLogprobs) {
    fields.logprobs = true;
    if (logprobs !== undefined) fields.top_logprobs = logprobs;
  }
  return fields;
}

function includedIn(value: unknown, dropped: string[]): ReadonlySet<Included> {
  const included = new Set<Included>();
  if (!Array.isArray(value)) return included;
  value.forEach((name: unknown, index) => {
    if (typeof name !== "string") throw invalid(`include[${index}]`, "must be a string");
    const known = INCLUDED.find((one) => one === name);
    if (known === undefined) dropped.push(`include.${name}`);
    else included.add(known);
  });
  return included;
}

function checkReasoning(reasoning: JsonObject): void {
  for (const name of ["effort", "summary", "generate_summary"]) {
    const value = reasoning[name];
    if (isSet(value) && typeof value !== "string") throw invalid(`reasoning.${name}`, "must be a string");
  }
}

const MOST_METADATA = 16;

/** OpenAI's own bound. */
function checkMetadata(value: unknown): void {
  if (!isSet(value)) return;
  const entries = Object.entries(asObject(value, "metadata"));
  if (entries.length > MOST_METADATA) throw invalid("metadata", `must have at most ${MOST_METADATA} entries`);
  for (const [name, text] of entries) {
    if (typeof text !== "string") throw invalid(`metadata.${name}`, "must be a string");
  }
}

/** Asks for something that changes no answer of most requests, and that is not done: said in a header. */
function noteDropped(body: JsonObject, dropped: string[]): void {
  if (isSet(body.truncation) && body.truncation !== "disabled") dropped.push("truncation");
  for (const name of ["max_tool_calls", "context_management"]) if (isSet(body[name])) dropped.push(name);
  const options = asObject(body.stream_options ?? {}, "stream_options");
  if (options.include_obfuscation === true) dropped.push("stream_options.include_obfuscation");
}

const isSet = (value: unknown): boolean => value !== undefined && value !== null;
const textOrNone = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;
