import type { JsonObject } from "../../core/generation.ts";
import { generation, REQUEST_HEADERS } from "./client-calls.ts";
import { type Answer, type Description, json, ref } from "./description.ts";

/** What is neither a chat nor an embedding: moderations, rerank, sound, and conversations. */

const {
  "x-sluice-resumable": _,
  "x-sluice-detach": __,
  "x-sluice-takeover": ___,
  ...PLAIN_HEADERS
} = REQUEST_HEADERS;

const sound = { type: "string", format: "binary" };

const SPEECH: Answer = {
  text: "The sound as it is made, or with `stream_format: sse` events that hold it. Sound is whole when its connection ends well: anything else breaks it off.",
  types: {
    "audio/mpeg": sound,
    "audio/wav": sound,
    "text/event-stream": {
      type: "string",
      description:
        "`speech.audio.delta`, then a comment line with the charge, `speech.audio.done` and `[DONE]`; or an error event.",
    },
  },
};

const TRANSCRIPT: Answer = {
  text: "What was said, in the form that was asked for, or with `stream: true` its events.",
  types: {
    "application/json": ref("Transcript"),
    "text/plain": { type: "string" },
    "text/event-stream": {
      type: "string",
      description:
        "`transcript.text.delta`, then a comment line with the charge, `transcript.text.done` and `[DONE]`; or an error event.",
    },
  },
};

const transcription = (path: string, summary: string, form: string): Description => {
  const { body: _body, ...call } = generation(path, summary, form, TRANSCRIPT);
  return { ...call, headers: PLAIN_HEADERS, bodies: { "multipart/form-data": ref(form) } };
};

export const SERVICE_CALLS: readonly Description[] = [
  {
    ...generation(
      "/v1/moderations",
      "Moderations",
      "ModerationRequest",
      json("The verdicts.", "Moderations"),
    ),
    headers: PLAIN_HEADERS,
  },
  {
    ...generation(
      "/v1/rerank",
      "Rerank, as Jina and Cohere have it",
      "RerankRequest",
      json("The ranking.", "Ranking"),
    ),
    headers: PLAIN_HEADERS,
  },
  {
    ...generation("/v1/audio/speech", "Speech", "SpeechRequest", SPEECH),
    description: "Charged by characters where the price has them, else by the tokens that the vendor counts.",
    headers: PLAIN_HEADERS,
  },
  transcription("/v1/audio/transcriptions", "Transcription", "TranscriptionForm"),
  transcription("/v1/audio/translations", "Translation into English", "TranslationForm"),
  {
    method: "get",
    path: "/v1/realtime",
    tag: "Streams",
    summary: "WebSocket: OpenAI's Realtime API",
    description:
      "Frames pass as they are. What each answer used is charged when the vendor tells it; a balance that is out ends the conversation with an error event. Browsers send the key as the subprotocol `openai-insecure-api-key.<key>`.",
    access: "client",
    parameters: { model: "Which model.", ticket: "From `POST /v1/ws/tickets`, instead of a key." },
    answers: {
      101: "Upgraded: a vendor has taken the conversation.",
      400: "This is no WebSocket handshake, or names no model.",
      401: "There is no valid key.",
      402: "Too few points.",
      404: "There is no such model.",
      429: "A limit is reached.",
      502: "No vendor could serve it.",
    },
  },
];

const text = { type: "string" };
const object = (properties: JsonObject, required: readonly string[]): JsonObject => ({
  type: "object",
  properties,
  required,
});
const recording = {
  file: sound,
  model: { ...text, examples: ["sandbox-transcribe"] },
  prompt: text,
  temperature: { type: "number" },
};

/** Bodies and answers of these calls. */
export const SERVICE_SCHEMAS: JsonObject = {
  ModerationRequest: object(
    {
      model: { ...text, examples: ["sandbox-moderation"], description: "Absent: omni-moderation-latest." },
      input: { description: "A text, a list of them, or parts with text and images." },
    },
    ["input"],
  ),
  Moderations: object({ id: text, model: text, results: { type: "array", items: { type: "object" } } }, [
    "results",
  ]),
  RerankRequest: object(
    {
      model: { ...text, examples: ["sandbox-rerank"] },
      query: text,
      documents: { type: "array", items: {}, description: "Texts, or objects with a `text`." },
      top_n: { type: "integer" },
      return_documents: { type: "boolean" },
    },
    ["model", "query", "documents"],
  ),
  Ranking: object(
    {
      object: text,
      model: text,
      results: {
        type: "array",
        items: object(
          {
            index: { type: "integer" },
            relevance_score: { type: "number" },
            document: object({ text }, ["text"]),
          },
          ["index", "relevance_score"],
        ),
      },
      usage: { type: "object" },
    },
    ["results"],
  ),
  SpeechRequest: object(
    {
      model: { ...text, examples: ["sandbox-tts"] },
      input: { ...text, maxLength: 4096 },
      voice: { description: "A name, or `{id}` of a voice of one's own." },
      instructions: text,
      response_format: { enum: ["mp3", "opus", "aac", "flac", "wav", "pcm"] },
      speed: { type: "number", minimum: 0.25, maximum: 4 },
      stream_format: { enum: ["audio", "sse"] },
    },
    ["model", "input", "voice"],
  ),
  TranscriptionForm: object(
    {
      ...recording,
      language: text,
      response_format: { enum: ["json", "text", "srt", "verbose_json", "vtt", "diarized_json"] },
      stream: { type: "boolean" },
      "include[]": { type: "array", items: text },
      "timestamp_granularities[]": { type: "array", items: text },
    },
    ["file", "model"],
  ),
  TranslationForm: object(
    { ...recording, response_format: { enum: ["json", "text", "srt", "verbose_json", "vtt"] } },
    ["file", "model"],
  ),
  Transcript: object({ text, usage: { type: "object" } }, ["text"]),
};
