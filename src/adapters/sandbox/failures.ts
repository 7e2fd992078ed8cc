import { SERVER_ERROR } from "./script.ts";
import type { Failure } from "./settings.ts";

interface Refusal {
  readonly status: number;
  readonly type: string;
  readonly code: string | null;
  readonly message: string;
}

const REFUSALS: Readonly<Partial<Record<Failure, Refusal>>> = {
  "400": {
    status: 400,
    type: "invalid_request_error",
    code: "invalid_value",
    message: "The request is not valid.",
  },
  "401": {
    status: 401,
    type: "invalid_request_error",
    code: "invalid_api_key",
    message: "The key is not valid.",
  },
  "402": { status: 402, type: "invalid_request_error", code: null, message: "The account is empty." },
  "403": { status: 403, type: "invalid_request_error", code: null, message: "The key has no right to this." },
  "404": {
    status: 404,
    type: "invalid_request_error",
    code: "model_not_found",
    message: "There is no such model.",
  },
  "408": { status: 408, type: "server_error", code: null, message: "The request took too long." },
  "413": { status: 413, type: "invalid_request_error", code: null, message: "The request is too large." },
  "422": {
    status: 422,
    type: "invalid_request_error",
    code: null,
    message: "The request cannot be processed.",
  },
  "429": {
    status: 429,
    type: "requests",
    code: "rate_limit_exceeded",
    message: "Too many requests. Please try again in 1s.",
  },
  "500": { status: 500, type: "server_error", code: null, message: "The server broke." },
  "502": { status: 502, type: "server_error", code: null, message: "Bad gateway." },
  "503": {
    status: 503,
    type: "server_error",
    code: "server_is_overloaded",
    message: "The server is overloaded.",
  },
  "504": { status: 504, type: "server_error", code: null, message: "Gateway timeout." },
  quota: {
    status: 429,
    type: "insufficient_quota",
    code: "insufficient_quota",
    message: "The quota is used up.",
  },
  context: {
    status: 400,
    type: "invalid_request_error",
    code: "context_length_exceeded",
    message: "The maximum context length is 1 token.",
  },
  content: {
    status: 400,
    type: "invalid_request_error",
    code: "content_policy_violation",
    message: "The request goes against the content policy.",
  },
};

const PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>";

/** The answer to a request that fails before its first token; undefined when the failure comes later, or none. */
export function failedResponse(failure: Failure | undefined): Response | undefined {
  if (failure === undefined) return undefined;
  if (failure === "html" || failure === "html_200") {
    return new Response(PAGE, {
      status: failure === "html" ? 502 : 200,
      headers: { "content-type": "text/html" },
    });
  }
  if (failure === "empty") return new Response("", { headers: { "content-type": "application/json" } });
  if (failure === "half") {
    return new Response('{"id":"chatcmpl-sandbox","object":"chat.completion","choices":[{"index":0,"mess', {
      headers: { "content-type": "application/json" },
    });
  }
  const refusal = REFUSALS[failure];
  if (refusal === undefined) return undefined;
  const { status, message, type, code } = refusal;
  return errorResponse(status, { message, type, param: null, code });
}

/** An error in OpenAI's form; a 429 says to come again in a second. */
export function errorResponse(status: number, error: object): Response {
  const headers = { "content-type": "application/json", ...(status === 429 ? { "retry-after": "1" } : {}) };
  return new Response(JSON.stringify({ error }), { status, headers });
}

/** A failure of the middle of a stream, for an answer that is not streamed. */
export function brokenAnswer(failure: Failure | undefined, answer: string): string {
  switch (failure) {
    case "cut":
    case "no_end":
      return answer.slice(0, Math.floor(answer.length / 2));
    case "garbage":
      return `${answer.slice(0, -1)},}`;
    case "error":
      return JSON.stringify(SERVER_ERROR);
    case "broken_off":
      return answer.replace(/"finish_reason":"\w+"/g, '"finish_reason":"insufficient_system_resource"');
    default:
      return answer;
  }
}
