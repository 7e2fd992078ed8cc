import type { JsonObject } from "../../core/generation.ts";
import { generation, REQUEST_HEADERS } from "./client-calls.ts";
import type { Answer, Description } from "./description.ts";

/** Gemini's dialect. Its bodies are described as far as they are looked at; both spellings of a field are taken. */

const object = (properties: JsonObject, required: readonly string[] = []): JsonObject => ({
  type: "object",
  properties,
  ...(required.length === 0 ? {} : { required }),
});
const whole = { type: "integer" };
const listOf = (items: JsonObject): JsonObject => ({ type: "array", items });

const CONTENT = object({
  role: { enum: ["user", "model"] },
  parts: listOf(
    object({
      text: { type: "string" },
      inlineData: object({ mimeType: { type: "string" }, data: { type: "string" } }),
      fileData: object({ mimeType: { type: "string" }, fileUri: { type: "string" } }),
      functionCall: { type: "object" },
      functionResponse: { type: "object" },
      thought: { type: "boolean" },
      thoughtSignature: { type: "string" },
    }),
  ),
});

const CONTENT_REQUEST = object(
  {
    contents: listOf(CONTENT),
    systemInstruction: CONTENT,
    tools: listOf(object({ functionDeclarations: listOf({ type: "object" }) })),
    toolConfig: { type: "object" },
    generationConfig: {
      type: "object",
      description: "With `maxOutputTokens`, `thinkingConfig` and the like.",
    },
    safetySettings: { description: "For Gemini's models; others do without." },
  },
  ["contents"],
);

const USAGE = object({
  promptTokenCount: whole,
  cachedContentTokenCount: whole,
  candidatesTokenCount: whole,
  thoughtsTokenCount: whole,
  totalTokenCount: whole,
});

const CONTENT_RESPONSE = object({
  candidates: listOf(object({ content: CONTENT, finishReason: { type: "string" }, index: whole })),
  usageMetadata: USAGE,
  modelVersion: { type: "string" },
  responseId: { type: "string" },
});

const EMBED_REQUEST = object(
  {
    content: CONTENT,
    taskType: { type: "string" },
    title: { type: "string" },
    outputDimensionality: whole,
  },
  ["content"],
);
const EMBEDDING = object({ values: listOf({ type: "number" }) });

const MODEL = object({
  name: { type: "string", examples: ["models/sandbox-chat"] },
  displayName: { type: "string" },
  version: { type: "string" },
  supportedGenerationMethods: listOf({ type: "string" }),
});

const EVENTS = [
  "With `alt=sse`: server-sent events, each a response; the last one has the `finishReason` and stands behind a comment line",
  '`: sluice {"outcome":…,"cost":…,"usage":…,"vendor":…}`. A stream that was truncated, failed or cancelled has no',
  "`finishReason`, but an event with an `error`, and the comment behind it.",
].join(" ");

const DESCRIPTION =
  "For every chat model, and for Gemini's with the body and the bytes as they are. What the vendor that serves does without is named in `x-sluice-dropped`. Errors have Google's shape. The same stands under `/v1`.";

const told = (text: string, schema: JsonObject): Answer => ({
  text,
  types: { "application/json": schema },
});

const KEY = { key: "The client key, where a header cannot be sent." };

function method(name: string, summary: string, body: JsonObject, answer: Answer): Description {
  const path = `/v1beta/models/{model}:${name}`;
  return { ...generation(path, summary, "ContentRequest", answer), body, parameters: KEY };
}

export const GEMINI_CALLS: readonly Description[] = [
  {
    ...method(
      "generateContent",
      "Content, in Gemini's dialect",
      CONTENT_REQUEST,
      told("The response.", CONTENT_RESPONSE),
    ),
    description: DESCRIPTION,
  },
  {
    ...method("streamGenerateContent", "Content, streamed", CONTENT_REQUEST, {
      text: "The responses: without `alt=sse` as elements of an array.",
      types: {
        "application/json": listOf(CONTENT_RESPONSE),
        "text/event-stream": { type: "string", description: EVENTS },
      },
    }),
    description: DESCRIPTION,
    parameters: { ...KEY, alt: "`sse`: server-sent events." },
  },
  method(
    "embedContent",
    "Embedding",
    EMBED_REQUEST,
    told("The embedding.", object({ embedding: EMBEDDING })),
  ),
  method(
    "batchEmbedContents",
    "Embeddings of several texts",
    object({ requests: listOf(EMBED_REQUEST) }, ["requests"]),
    told("The embeddings, in the order of the texts.", object({ embeddings: listOf(EMBEDDING) })),
  ),
  {
    ...method(
      "countTokens",
      "How many tokens contents have",
      object({ contents: listOf(CONTENT), generateContentRequest: CONTENT_REQUEST }),
      told("The count.", object({ totalTokens: whole })),
    ),
    description:
      "By Gemini where it serves the model (`x-sluice-vendor`); else `x-sluice-estimated: true`, and an estimate. Costs nothing, and takes from limits on requests.",
    headers: { "Idempotency-Key": REQUEST_HEADERS["Idempotency-Key"] },
  },
  {
    method: "get",
    path: "/v1beta/models",
    tag: "Generation",
    summary: "The models that the key may use, as Gemini lists them",
    access: "client",
    parameters: {
      ...KEY,
      pageSize: "1 to 1000; absent: 50.",
      pageToken: "The `nextPageToken` of the page before.",
    },
    answers: {
      200: told("The models.", object({ models: listOf(MODEL), nextPageToken: { type: "string" } })),
    },
  },
  {
    method: "get",
    path: "/v1beta/models/{model}",
    tag: "Generation",
    summary: "One model, as Gemini describes it",
    access: "client",
    parameters: KEY,
    answers: { 200: told("The model.", MODEL), 404: "There is none, or the key may not use it." },
  },
];
