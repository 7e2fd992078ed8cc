import type { GenerationRequest, JsonObject, NativeRequest } from "../../core/generation.ts";
import { parseChat } from "../../gateway/requests/chat.ts";
import {
  asBody,
  asObject,
  checkFields,
  type FieldType,
  invalid,
  optionalInteger,
  requiredText,
} from "../../gateway/requests/fields.ts";
import { pdfTokensIn } from "../../gateway/requests/pdf-documents.ts";
import { Losses } from "../losses.ts";
import { listIn, objectIn } from "../openai/responses/chat-pieces.ts";
import { THREAD_FIELD } from "./errors.ts";
import { chatMessages } from "./messages.ts";
import { isForeignThought } from "./sealed-thoughts.ts";
import { spokenBytes } from "./spoken-bytes.ts";
import { effortOf } from "./thinking.ts";
import { toolFields } from "./tools.ts";
import { unsupported } from "./unsupported.ts";
import { errorHere } from "./words.ts";

/** A body of `POST /v1/messages`, read and checked. */
export interface MessagesRequest {
  /** As a chat, and as it came. */
  readonly request: GenerationRequest;
  /** What the chat leaves out, in the client's words: named when a vendor of another dialect serves. */
  readonly dropped: readonly string[];
}

const FIELDS: Readonly<Record<string, FieldType>> = {
  stream: "boolean",
  stop_sequences: "stop",
  temperature: "number",
  top_p: "number",
  top_k: "integer",
  tools: "array",
  tool_choice: "object",
  thinking: "object",
  output_config: "object",
  metadata: "object",
  service_tier: "string",
};

/** Said in the chat as well; whatever else is set is Anthropic's alone. */
const IN_CHAT = new Set([
  ...["model", "max_tokens", "messages", "system", "stream", "stop_sequences", "temperature", "top_p"],
  ...["top_k", "tools", "tool_choice", "thinking", "output_config", "output_format", "metadata"],
  ...["service_tier", "cache_control", "mcp_servers", "sandbox"],
]);

const MOST_TOKENS = 10_000_000;

/**
 * Reads a Messages body (Anthropic's published SDK types).
 * @param bodyBytes size of the body on the wire
 * @param betas the header `anthropic-beta`
 * @param isCount a request for the count of its tokens, which needs no `max_tokens`
 * @throws SluiceError `invalid_request` or `unsupported_parameter` with the field in `param`
 */
export function parseMessages(
  value: unknown,
  bodyBytes: number,
  betas: string | null,
  isCount = false,
): MessagesRequest {
  const body = asBody(value);
  const losses = new Losses("Anthropic");
  const chat = chatOf(body, losses, isCount);
  const request = parsed(chat, isCount ? spokenBytes(chat) : bodyBytes);
  const native = nativeOf(body, betas, losses);
  const dropped = [...losses.dropped];
  if (native === undefined) return { request, dropped };
  const promptTokens =
    request.promptTokens + fetchedDocuments(body) * FETCHED_DOCUMENT_TOKENS + pdfTokensIn(foundByTools(body));
  // Tools that only Anthropic knows are in no chat.
  const usesTools = request.usesTools || listIn(body.tools).length > 0;
  return { request: { ...request, native, promptTokens, usesTools }, dropped };
}

/** Nobody here has seen a document that Anthropic fetches: 100 pages, the most it takes, of up to 3,000 tokens (its guide to PDFs). */
const FETCHED_DOCUMENT_TOKENS = 300_000;

const fetchedDocuments = ({ messages }: JsonObject): number =>
  listIn(messages)
    .flatMap((message) => contentIn(message).flatMap((block) => [block, ...contentIn(block)]))
    .filter((block) => {
      const { type, source } = objectIn(block) ?? {};
      return type === "document" && objectIn(source)?.type === "url";
    }).length;

/** What tools that Anthropic ran once found, which no chat has. */
const foundByTools = ({ messages }: JsonObject): readonly unknown[] =>
  listIn(messages).flatMap((message) =>
    contentIn(message).filter((block) => objectIn(block)?.type === "web_fetch_tool_result"),
  );

/** Places in the chat are none of the client's. */
function parsed(chat: JsonObject, bodyBytes: number): GenerationRequest {
  try {
    return parseChat(chat, bodyBytes);
  } catch (thrown) {
    throw errorHere(thrown);
  }
}

function chatOf(body: JsonObject, losses: Losses, isCount: boolean): JsonObject {
  const model = requiredText(body, "model");
  checkFields(body, FIELDS);
  const tokens = optionalInteger(body, "max_tokens", 1, MOST_TOKENS);
  if (tokens === undefined && !isCount) throw invalid("max_tokens", "is required");
  if (isSet(body[THREAD_FIELD])) {
    throw unsupported(THREAD_FIELD, "conversations are not kept here: send the whole of it in 'messages'");
  }
  // Where data may go is no wish that can be left out; anything but everywhere has a price of its own.
  if (isSet(body.inference_geo) && body.inference_geo !== "global") {
    throw unsupported("inference_geo", "a vendor's region is the operator's choice here");
  }
  if (listIn(body.mcp_servers).length > 0) {
    throw unsupported("mcp_servers", "servers of tools are not called here");
  }
  for (const [name, set] of Object.entries(body)) if (!IN_CHAT.has(name) && isSet(set)) losses.drop(name);
  if (isSet(body.cache_control)) losses.drop("cache_control");
  const user = objectIn(body.metadata)?.user_id;
  const fields = {
    model,
    messages: chatMessages(body, losses),
    max_tokens: tokens,
    stream: body.stream === true ? true : undefined,
    stop: listIn(body.stop_sequences).length > 0 ? body.stop_sequences : undefined,
    temperature: body.temperature,
    top_p: body.top_p,
    top_k: body.top_k,
    ...toolFields(body, losses),
    reasoning_effort: effortOf(body),
    response_format: formatOf(body),
    user: typeof user === "string" ? user : undefined,
    service_tier: body.service_tier === "standard_only" ? "default" : undefined,
    // What the built-in vendor is told to do, in every dialect.
    sandbox: body.sandbox,
  };
  // Null is as good as absent, and some vendors refuse it.
  return Object.fromEntries(Object.entries(fields).filter(([, field]) => isSet(field)));
}

/** The schema that the answer has to keep to; `output_format` is its older place. */
function formatOf(body: JsonObject): JsonObject | undefined {
  const format = objectIn(body.output_config)?.format ?? body.output_format;
  if (!isSet(format)) return undefined;
  const { type, schema } = asObject(format, "output_config.format");
  if (type !== "json_schema") throw invalid("output_config.format.type", "must be 'json_schema'");
  return {
    type: "json_schema",
    json_schema: { name: "answer", schema: asObject(schema, "output_config.format.schema") },
  };
}

/**
 * The request for vendors of the dialect. Absent where the conversation holds thoughts of other vendors, which Anthropic
 * refuses: the chat does without them, and without thinking where that is needed.
 */
function nativeOf(body: JsonObject, betas: string | null, losses: Losses): NativeRequest | undefined {
  const isMixed = hasForeignThoughts(body);
  if (isMixed && losses.only === undefined) return undefined;
  return {
    dialect: "anthropic",
    body: isMixed ? withoutForeignThoughts(body) : body,
    ...(betas === null ? {} : { headers: { "anthropic-beta": betas } }),
    ...(losses.only === undefined ? {} : { only: losses.only }),
  };
}

const contentIn = (message: unknown): readonly unknown[] => listIn(objectIn(message)?.content);

const isForeign = (block: unknown): boolean => isForeignThought(objectIn(block) ?? {});

const hasForeignThoughts = ({ messages }: JsonObject): boolean =>
  listIn(messages).some((message) => contentIn(message).some(isForeign));

function withoutForeignThoughts(body: JsonObject): JsonObject {
  const messages = listIn(body.messages).map((message) => {
    const content = contentIn(message);
    return content.some(isForeign)
      ? { ...objectIn(message), content: content.filter((block) => !isForeign(block)) }
      : message;
  });
  return { ...body, messages };
}

const isSet = (value: unknown): boolean => value !== undefined && value !== null;
