import type { SluiceError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/generation.ts";
import { errorHeaders } from "../errors.ts";

/** An error in the shape that users of Google's SDKs know: what Sluice says beside stands in its details. */
export interface GeminiErrorBody {
  readonly error: {
    /** The HTTP status. */
    readonly code: number;
    readonly message: string;
    readonly status: string;
    readonly details: readonly JsonObject[];
  };
}

const TYPE = "type.googleapis.com/google.rpc.";

/** An error as Google's SDKs read it: by its status in words, with Sluice's code, field and request in `details`. */
export function geminiErrorBody(error: SluiceError, requestId: string): GeminiErrorBody {
  const { code, message, status, detail } = error;
  const { param, affordable, retryAfterMs } = detail;
  const metadata = {
    code,
    request_id: requestId,
    ...(param === undefined ? {} : { param }),
    ...(affordable === undefined ? {} : { affordable }),
  };
  const violation = { field: param, description: message };
  const details: readonly JsonObject[] = [
    { "@type": `${TYPE}ErrorInfo`, reason: code.toUpperCase(), domain: "sluice", metadata },
    { "@type": `${TYPE}RequestInfo`, requestId },
    ...(param === undefined ? [] : [{ "@type": `${TYPE}BadRequest`, fieldViolations: [violation] }]),
    ...(status === 429 || status === 503
      ? [{ "@type": `${TYPE}RetryInfo`, retryDelay: secondsOf(retryAfterMs ?? 0) }]
      : []),
  ];
  return { error: { code: status, message, status: STATUSES[status] ?? usualStatus(status), details } };
}

export const geminiErrorResponse = (error: SluiceError, requestId: string): Response =>
  Response.json(geminiErrorBody(error, requestId), {
    status: error.status,
    headers: errorHeaders(error, requestId),
  });

/** As the header `retry-after` says it: in whole seconds, and never none. */
const secondsOf = (ms: number): string => `${Math.max(1, Math.ceil(ms / 1_000))}s`;

/** `google.rpc.Code` by HTTP status; 402 is what Google says of a prepaid credit that is used up. */
const STATUSES: Readonly<Record<number, string>> = {
  401: "UNAUTHENTICATED",
  402: "RESOURCE_EXHAUSTED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  405: "UNIMPLEMENTED",
  409: "ABORTED",
  429: "RESOURCE_EXHAUSTED",
  499: "CANCELLED",
  502: "UNAVAILABLE",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

const usualStatus = (status: number): string => (status >= 500 ? "INTERNAL" : "INVALID_ARGUMENT");
