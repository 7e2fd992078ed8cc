import { type Answer, type Description, json, ref } from "./description.ts";

/** What a client key can call. */

export const REQUEST_HEADERS = {
  "x-sluice-resumable": "`true`: the stream can be taken up again after any event.",
  "x-sluice-detach":
    "How long a resumable stream goes on when nobody reads it: `30s` (usual), at most `10m`; `0` stops it at once.",
  "x-sluice-takeover":
    "Whether another vendor goes on when the one that answers a stream dies: `never`, `always`, `before:200` (tokens delivered). Absent: as the key or the configuration says.",
  "x-sluice-hedge":
    "`on` or `off`: whether a second vendor may be asked when the first is slow to begin. Absent: as the configuration says.",
  "x-sluice-timeout-first-token":
    "How long a stream's first content is waited for, at each vendor: `2s`, `500ms`.",
  "x-sluice-timeout-idle": "How long a stream may fall silent.",
  "x-sluice-timeout-total": "How long the whole answer may take, over all vendors that are tried.",
  "x-sluice-timeout-connect":
    "How long a connection to a vendor may take. None of these lasts longer than the operator's own.",
  "Idempotency-Key":
    "The same key and body within 24 hours get the same answer and are charged once, also after a lost connection.",
};

const EVENTS = [
  "Server-sent events. A stream that was completed ends with `data: [DONE]`, behind a comment line",
  '`: sluice {"outcome":…,"cost":…,"usage":…,"vendor":…}`. One that was truncated, failed or cancelled ends with an',
  'error event `{"error":{…,"code":"stream_truncated"}}` and without `[DONE]`.',
].join(" ");

const generated = (schema: string): Answer => ({
  text: "The answer, or with `stream: true` its events.",
  types: {
    "application/json": ref(schema),
    "text/event-stream": { type: "string", description: EVENTS },
  },
});

/** A call that generates, and how it can go wrong. */
export function generation(path: string, summary: string, request: string, answer: Answer): Description {
  return {
    method: "post",
    path,
    tag: "Generation",
    summary,
    access: "client",
    body: ref(request),
    headers: REQUEST_HEADERS,
    answers: {
      200: answer,
      402: "Too few points, or the key's budget is used up.",
      404: "There is no such model, or the key may not use it.",
      409: "The Idempotency-Key came with another request before, or its first request still runs.",
      429: "A limit of the tenant, the key, the model or this node is reached.",
      502: "No vendor could serve it.",
      503: "The gateway is overloaded or stopping, or the model has no price.",
      504: "The vendor did not answer in time.",
    },
  };
}

const RESPONSE_EVENTS = [
  "Server-sent events, numbered by `sequence_number`. Exactly one of `response.completed`, `response.incomplete` and",
  "`response.failed` ends them, without `[DONE]`. One that was truncated, failed or cancelled has an `error` event and",
  '`response.failed`. A comment line `: sluice {"outcome":…,"cost":…,"usage":…,"vendor":…}` stands before a good end and',
  "behind a bad one.",
].join(" ");

const RESPONSE_CALLS: readonly Description[] = [
  {
    ...generation("/v1/responses", "Response, by OpenAI's newer API", "ResponseRequest", {
      text: "The response, or with `stream: true` its events.",
      types: {
        "application/json": ref("Response"),
        "text/event-stream": { type: "string", description: RESPONSE_EVENTS },
      },
    }),
    description:
      "For every chat model. A response is kept for 24 hours, unless `store` is false, so that `previous_response_id` can go on from it; the answer's `store` tells whether it was.",
  },
  {
    method: "get",
    path: "/v1/responses/{id}",
    tag: "Generation",
    summary: "A response that was kept",
    access: "client",
    parameters: { include: "`reasoning.encrypted_content`: with what a vendor wants back in the next turn." },
    answers: { 200: json("The response.", "Response"), 404: "There is none, or it is older than 24 hours." },
  },
  {
    method: "delete",
    path: "/v1/responses/{id}",
    tag: "Generation",
    summary: "Forget a response; what goes on from it cannot be gone on from any more",
    access: "client",
    answers: { 200: "It is forgotten.", 404: "There is none." },
  },
  {
    method: "get",
    path: "/v1/responses/{id}/input_items",
    tag: "Generation",
    summary: "What a kept response was asked",
    access: "client",
    parameters: {
      limit: "1 to 100; absent: 20.",
      order: "`desc` (default): the last first. `asc`: the first first.",
      after: "The id of the item behind which the list begins.",
    },
    answers: { 200: json("The items.", "ItemList"), 404: "There is no such response." },
  },
];

const MESSAGE_EVENTS = [
  "Server-sent events of Anthropic's, each with its name. A message that was completed ends with `message_stop`, behind a",
  'comment line `: sluice {"outcome":…,"cost":…,"usage":…,"vendor":…}`. One that was truncated, failed or cancelled has an',
  "`error` event before the comment, and no `message_stop`.",
].join(" ");

const MESSAGE_CALLS: readonly Description[] = [
  {
    ...generation("/v1/messages", "Message, in Anthropic's dialect", "MessageRequest", {
      text: "The message, or with `stream: true` its events.",
      types: {
        "application/json": ref("Message"),
        "text/event-stream": { type: "string", description: MESSAGE_EVENTS },
      },
    }),
    description:
      "For every chat model, and for Anthropic's with the body and the bytes as they are. What the vendor that serves does without is named in `x-sluice-dropped`. Errors have Anthropic's shape.",
    headers: {
      ...REQUEST_HEADERS,
      "anthropic-version": "`2023-06-01`, as Anthropic's SDKs send it; not needed.",
      "anthropic-beta": "Passed on to Anthropic as far as it changes no price.",
    },
  },
  {
    ...generation(
      "/v1/messages/count_tokens",
      "How many tokens a prompt has",
      "CountRequest",
      json("The count.", "Count"),
    ),
    description:
      "By Anthropic where it serves the model (`x-sluice-vendor`); else `x-sluice-estimated: true`, and a token for four bytes of texts, calls and tools, images apart. Costs nothing, and takes from limits on requests.",
    headers: { "Idempotency-Key": REQUEST_HEADERS["Idempotency-Key"] },
  },
];

const REPORT_PARAMETERS = {
  group_by: "A list out of key, model, vendor, tier, day, hour; absent: one sum.",
  from: "A date or time; absent: thirty days before `to`.",
  to: "A date or time, not included; absent: now.",
  format: "`json` (default) or `csv`.",
};

export const CLIENT_CALLS: readonly Description[] = [
  generation("/v1/chat/completions", "Chat", "ChatRequest", generated("Generation")),
  generation("/api/v1/chat", "Chat, by the platform's own name", "ChatRequest", generated("Generation")),
  generation("/v1/completions", "Completion (legacy)", "CompletionRequest", generated("Generation")),
  generation("/v1/embeddings", "Embeddings", "EmbeddingRequest", json("The embeddings.", "Embeddings")),
  ...RESPONSE_CALLS,
  ...MESSAGE_CALLS,
  {
    method: "get",
    path: "/v1/models",
    tag: "Generation",
    summary: "The models that the key may use",
    access: "client",
    answers: { 200: json("The models.", "Models") },
  },
  {
    method: "get",
    path: "/v1/models/{id}",
    tag: "Generation",
    summary: "One model; its name may hold slashes",
    access: "client",
    answers: { 200: json("The model.", "Model"), 404: "There is none, or the key may not use it." },
  },
  {
    method: "get",
    path: "/v1/streams/{id}",
    tag: "Streams",
    summary: "Go on reading a stream",
    access: "client",
    headers: { "Last-Event-ID": "The number of the last event that was read." },
    parameters: { after: "The same, where a header cannot be sent." },
    answers: {
      200: { text: "The events behind it.", types: { "text/event-stream": { type: "string" } } },
      404: "There is none, or it ended more than five minutes ago.",
      410: "The events behind it are no longer kept.",
    },
  },
  {
    method: "delete",
    path: "/v1/streams/{id}",
    tag: "Streams",
    summary: "Cancel a stream, at the vendor too; what was used is charged",
    access: "client",
    answers: { 200: "Whether it was cancelled or had ended.", 404: "There is none." },
  },
  {
    method: "get",
    path: "/v1/ws",
    tag: "Streams",
    summary: "WebSocket: many generations at once on one connection",
    description: "Subprotocols `sluice.v1.json` and `sluice.v1.msgpack`.",
    access: "client",
    parameters: { ticket: "From `POST /v1/ws/tickets`, instead of a key." },
    answers: { 101: "Upgraded.", 400: "This is no WebSocket handshake.", 401: "There is no valid key." },
  },
  {
    method: "post",
    path: "/v1/ws/tickets",
    tag: "Streams",
    summary: "A ticket for one WebSocket, for browsers; good for 60 seconds",
    access: "client",
    answers: { 200: json("The ticket.", "Ticket") },
  },
  {
    method: "get",
    path: "/v1/balance",
    tag: "Account",
    summary: "Points left, held by running requests, and spent",
    access: "client",
    answers: { 200: json("The balance.", "Balance") },
  },
  {
    method: "get",
    path: "/v1/usage",
    tag: "Account",
    summary: "Cost and token report",
    access: "client",
    parameters: REPORT_PARAMETERS,
    answers: {
      200: {
        text: "A row for each group.",
        types: { "application/json": ref("UsageReport"), "text/csv": { type: "string" } },
      },
    },
  },
  {
    method: "get",
    path: "/v1/receipts/{request_id}",
    tag: "Account",
    summary: "What one request was charged, and why; signed",
    access: "client",
    answers: { 200: json("The receipt.", "Receipt"), 404: "There is no such request of yours." },
  },
  {
    method: "get",
    path: "/v1/explain/{request_id}",
    tag: "Account",
    summary: "Why one request went to the vendor that served it",
    access: "client",
    answers: {
      200: json("The decision and every attempt.", "Explanation"),
      404: "There is no such request of yours.",
    },
  },
];
