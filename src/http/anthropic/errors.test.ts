import { expect, test } from "bun:test";
import { type ErrorCode, SluiceError, STATUS_OF_CODE } from "../../core/errors.ts";
import { errorFor } from "../error-shapes.ts";
import { anthropicErrorBody, anthropicErrorResponse } from "./errors.ts";

const TYPES = {
  invalid_api_key: "authentication_error",
  insufficient_points: "billing_error",
  budget_exceeded: "billing_error",
  permission_denied: "permission_error",
  model_not_found: "not_found_error",
  idempotency_conflict: "conflict_error",
  payload_too_large: "request_too_large",
  context_length_exceeded: "invalid_request_error",
  method_not_allowed: "invalid_request_error",
  rate_limit_exceeded: "rate_limit_error",
  overloaded: "overloaded_error",
  model_not_priced: "api_error",
  vendor_unavailable: "api_error",
  stream_truncated: "api_error",
  vendor_timeout: "timeout_error",
  internal_error: "api_error",
} as const satisfies Partial<Record<ErrorCode, string>>;

test.each(Object.entries(TYPES))("%s is a %s", (code, type) => {
  const error = new SluiceError(code as ErrorCode, "No.", { param: "model" }); // a key of the table
  expect(anthropicErrorBody(error, "req_1")).toEqual({
    type: "error",
    error: { type, message: "No.", code, param: "model" },
    request_id: "req_1",
  });
  const response = anthropicErrorResponse(error, "req_1");
  expect(response.status).toBe(STATUS_OF_CODE[code as ErrorCode]); // as above
  expect(response.headers.get("request-id")).toBe("req_1");
});

test("a refused thread tells the SDKs to do without", () => {
  const { error } = anthropicErrorBody(
    new SluiceError("unsupported_parameter", "x", { param: "thread" }),
    "r",
  );
  expect(error.details).toEqual({ error_code: "thread_unsupported_request", unsupported: ["thread"] });
});

test("a vendor's own status decides where the code's does not", () => {
  const body = anthropicErrorBody(new SluiceError("vendor_rejected", "x", { status: 529 }), "r");
  expect(body.error.type).toBe("overloaded_error");
});

test.each([
  ["/v1/messages", {}, true],
  ["/v1/messages/count_tokens", {}, true],
  ["/v1/models", {}, false],
  ["/v1/models/a/b", { "anthropic-version": "2023-06-01" }, true],
  ["/v1/streams/str_1", { "anthropic-version": "2023-06-01" }, true],
  ["/v1/messagesx", { "anthropic-version": "2023-06-01" }, false],
  ["/v1/chat/completions", { "anthropic-version": "2023-06-01" }, false],
] as const)("%s with %j has Anthropic's errors: %p", async (path, headers, isAnthropics) => {
  const request = new Request(`http://x${path}`, { headers });
  const body: unknown = await errorFor(request, new SluiceError("not_found", "x"), "r").json();
  expect((body as { type?: string }).type === "error").toBe(isAnthropics);
});
