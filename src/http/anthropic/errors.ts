import type { SluiceError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/generation.ts";
import { errorHeaders } from "../errors.ts";

/** An error in the shape that users of Anthropic's SDKs know, with Sluice's own code and the field beside its words. */
export interface AnthropicErrorBody {
  readonly type: "error";
  readonly error: {
    readonly type: string;
    readonly message: string;
    readonly code: string;
    readonly param: string | null;
    /** What Anthropic's SDKs act upon. */
    readonly details?: JsonObject;
    /** Points that would still have been affordable. */
    readonly affordable?: string;
  };
  readonly request_id: string;
}

/** Names the conversation that Anthropic keeps between turns. */
export const THREAD_FIELD = "thread";

/** Their SDKs then send the whole conversation, as they do to servers that keep none. */
const NO_THREADS: JsonObject = { error_code: "thread_unsupported_request", unsupported: [THREAD_FIELD] };

/** An error as Anthropic's SDKs read it. */
export function anthropicErrorBody(error: SluiceError, requestId: string): AnthropicErrorBody {
  const { param, affordable } = error.detail;
  return {
    type: "error",
    error: {
      type: typeOf(error),
      message: error.message,
      code: error.code,
      param: param ?? null,
      ...(param === THREAD_FIELD ? { details: NO_THREADS } : {}),
      ...(affordable === undefined ? {} : { affordable }),
    },
    request_id: requestId,
  };
}

/** The same as an answer, with the error's status and headers. */
export function anthropicErrorResponse(error: SluiceError, requestId: string): Response {
  const headers = { ...errorHeaders(error, requestId), "request-id": requestId };
  return Response.json(anthropicErrorBody(error, requestId), { status: error.status, headers });
}

/** Anthropic's types by status (its errors page); 529, which it answers when it is overloaded, is 503 here. */
const TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  409: "conflict_error",
  413: "request_too_large",
  429: "rate_limit_error",
  504: "timeout_error",
  529: "overloaded_error",
};

function typeOf({ code, status }: SluiceError): string {
  if (code === "overloaded") return "overloaded_error";
  return TYPES[status] ?? (status >= 500 ? "api_error" : "invalid_request_error");
}
