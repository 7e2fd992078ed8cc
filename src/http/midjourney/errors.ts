import type { ErrorCode, SluiceError } from "../../core/errors.ts";
import { errorBody, errorHeaders } from "../errors.ts";

/** The codes of the protocol that a SubmitResult can have. */
export const CODES = {
  submitted: 1,
  notFound: 3,
  invalid: 4,
  exists: 21,
  queued: 22,
  failure: 9,
  queueFull: 23,
  banned: 24,
} as const;

/** What is no trouble of HTTP is told by its code in a 200, as the protocol has it; everything else keeps its status. */
const BUSINESS: Readonly<Partial<Record<ErrorCode, number>>> = {
  invalid_request: CODES.invalid,
  invalid_json: CODES.invalid,
  unsupported_parameter: CODES.invalid,
  context_length_exceeded: CODES.invalid,
  content_policy_violation: CODES.banned,
  model_not_found: CODES.notFound,
  model_not_priced: CODES.notFound,
  vendor_unavailable: CODES.failure,
  vendor_rejected: CODES.failure,
  vendor_timeout: CODES.failure,
};

/** Where a task was named that is not there; an unknown path is HTTP's own. */
const isAboutTask = ({ code, detail }: SluiceError): boolean =>
  code === "not_found" && detail.param !== undefined;

/**
 * An error as clients of midjourney-proxy know it: `code` and `description`. What Sluice says in every dialect stands
 * beside them, under `error`.
 */
export function midjourneyErrorResponse(error: SluiceError, requestId: string): Response {
  const business = isAboutTask(error) ? CODES.notFound : BUSINESS[error.code];
  const code = business ?? codeByStatus(error.status);
  const body = { code, description: error.message, properties: {}, ...errorBody(error, requestId) };
  const status = business === undefined ? error.status : 200;
  return Response.json(body, { status, headers: errorHeaders(error, requestId) });
}

function codeByStatus(status: number): number {
  if (status === 429 || status === 503) return CODES.queueFull;
  if (status === 404) return CODES.notFound;
  return status < 500 ? CODES.invalid : CODES.failure;
}
