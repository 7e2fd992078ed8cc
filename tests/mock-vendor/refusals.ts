import type { JsonObject } from "../../src/core/generation.ts";
import type { Refusal, Shape } from "./script.ts";

export interface RefusalAnswer {
  readonly status: number;
  readonly body: JsonObject;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Words {
  readonly status: number;
  readonly code: string | null;
  readonly type: string;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const words = (
  status: number,
  code: string | null,
  type: string,
  message: string,
  headers?: Readonly<Record<string, string>>,
): Words => ({ status, code, type, message, ...(headers && { headers }) });

/** Status, code, type and message of each refusal, vendor by vendor, from their error pages and recorded errors. */
const OPENAI: Readonly<Record<Refusal, Words>> = {
  invalid_key: words(
    401,
    "invalid_api_key",
    "invalid_request_error",
    "Incorrect API key provided: sk-mock***key.",
  ),
  no_money: words(429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota."),
  rate_limit: words(429, "rate_limit_exceeded", "requests", "Rate limit reached for requests.", {
    "retry-after": "1",
    "x-ratelimit-limit-requests": "500",
    "x-ratelimit-remaining-requests": "0",
    "x-ratelimit-reset-requests": "120ms",
  }),
  overloaded: words(503, "server_is_overloaded", "service_unavailable_error", "The server is overloaded."),
  server_error: words(500, null, "server_error", "The server had an error while processing your request."),
  unknown_model: words(
    404,
    "model_not_found",
    "invalid_request_error",
    "The requested model does not exist.",
  ),
  context_length: words(
    400,
    "context_length_exceeded",
    "invalid_request_error",
    "This model's maximum context length is 8192 tokens.",
  ),
  content: words(400, "content_policy_violation", "invalid_request_error", "Your request was rejected."),
};

const DEEPSEEK: Readonly<Record<Refusal, Words>> = {
  invalid_key: words(401, "invalid_request_error", "authentication_error", "Authentication Fails."),
  no_money: words(402, "invalid_request_error", "unknown_error", "Insufficient Balance"),
  rate_limit: words(429, "rate_limit_reached", "rate_limit_error", "Concurrency limit reached."),
  overloaded: words(503, "service_unavailable_error", "service_unavailable_error", "Service is too busy."),
  server_error: words(500, "internal_error", "internal_error", "Internal server error."),
  unknown_model: words(400, "invalid_request_error", "invalid_request_error", "Model Not Exist"),
  context_length: words(
    400,
    "invalid_request_error",
    "invalid_request_error",
    "This model's maximum context length is 1048576 tokens.",
  ),
  content: words(400, "invalid_request_error", "invalid_request_error", "Content Exists Risk"),
};

const QWEN: Readonly<Record<Refusal, Words>> = {
  invalid_key: words(401, "invalid_api_key", "invalid_request_error", "Incorrect API key provided."),
  no_money: words(
    400,
    "Arrearage",
    "Arrearage",
    "Access denied, please make sure your account is in good standing.",
  ),
  rate_limit: words(429, "limit_requests", "limit_requests", "You exceeded your current requests list."),
  overloaded: words(
    503,
    "ModelServingError",
    "ModelServingError",
    "Too many requests. Your requests are being throttled.",
  ),
  server_error: words(500, "internal_error", "internal_error", "An internal error has occured."),
  unknown_model: words(404, "model_not_found", "invalid_request_error", "The model does not exist."),
  context_length: words(
    400,
    "invalid_parameter_error",
    "invalid_request_error",
    "Range of input length should be [1, 129024]",
  ),
  content: words(
    400,
    "data_inspection_failed",
    "data_inspection_failed",
    "Input data may contain inappropriate content.",
  ),
};

const DOUBAO: Readonly<Record<Refusal, Words>> = {
  invalid_key: words(
    401,
    "AuthenticationError",
    "Unauthorized",
    "The API key in the request is missing or invalid.",
  ),
  no_money: words(403, "AccountOverdueError", "Forbidden", "The account has an overdue balance."),
  rate_limit: words(
    429,
    "RateLimitExceeded.EndpointRPMExceeded",
    "TooManyRequests",
    "The requests per minute (RPM) limit is exceeded.",
  ),
  overloaded: words(429, "ServerOverloaded", "TooManyRequests", "The service is currently overloaded."),
  server_error: words(
    500,
    "InternalServiceError",
    "InternalServerError",
    "The service encountered an error.",
  ),
  unknown_model: words(404, "InvalidEndpointOrModel.NotFound", "NotFound", "The model does not exist."),
  context_length: words(400, "OutofContextError", "BadRequest", "The input exceeds the context length."),
  content: words(
    400,
    "SensitiveContentDetected",
    "BadRequest",
    "The request may contain sensitive information.",
  ),
};

const BY_SHAPE = { openai: OPENAI, deepseek: DEEPSEEK, qwen: QWEN, doubao: DOUBAO } as const;

/** The error object of a vendor: Qwen says the request's id beside it, Doubao in the message. */
export function refusalOf(shape: Shape, refusal: Refusal, number: number): RefusalAnswer {
  const { status, code, type, message, headers } = BY_SHAPE[shape][refusal];
  const isDoubao = shape === "doubao";
  const error: JsonObject = {
    message: isDoubao ? `${message} Request id: 0217${number}` : message,
    type,
    param: isDoubao ? "" : null,
    code,
  };
  return {
    status,
    body: shape === "qwen" ? { error, request_id: `mock-${number}` } : { error },
    ...(headers && { headers }),
  };
}
