import { describe, expect, test } from "bun:test";
import { SluiceError, STATUS_OF_CODE } from "../../core/errors.ts";
import { errorFor } from "../error-shapes.ts";
import { geminiErrorBody, geminiErrorResponse } from "./errors.ts";

describe("an error in Gemini's shape", () => {
  test("says what Sluice says beside, in its details", async () => {
    const error = new SluiceError("invalid_request", "No.", { param: "contents" });
    const response = geminiErrorResponse(error, "req_1");
    expect(response.status).toBe(400);
    expect(response.headers.get("x-request-id")).toBe("req_1");
    const metadata = { code: "invalid_request", request_id: "req_1", param: "contents" };
    expect(await response.json()).toEqual({
      error: {
        code: 400,
        message: "No.",
        status: "INVALID_ARGUMENT",
        details: [
          {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            reason: "INVALID_REQUEST",
            domain: "sluice",
            metadata,
          },
          { "@type": "type.googleapis.com/google.rpc.RequestInfo", requestId: "req_1" },
          {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            fieldViolations: [{ field: "contents", description: "No." }],
          },
        ],
      },
    });
  });

  test("tells how long to wait, as its header does", () => {
    for (const [code, retryAfterMs, delay] of [
      ["rate_limit_exceeded", 1_500, "2s"],
      ["overloaded", undefined, "1s"],
    ] as const) {
      const detail = retryAfterMs === undefined ? {} : { retryAfterMs };
      const { error } = geminiErrorBody(new SluiceError(code, "Wait.", detail), "req_1");
      expect(error.details.at(-1)).toEqual({
        "@type": "type.googleapis.com/google.rpc.RetryInfo",
        retryDelay: delay,
      });
    }
  });

  test("has a status of Google's for every code", () => {
    const statuses = Object.keys(STATUS_OF_CODE).map((code) => {
      const { error } = geminiErrorBody(new SluiceError(code as keyof typeof STATUS_OF_CODE, "x"), "r");
      return [code, error.code, error.status];
    });
    expect(statuses).toEqual([
      ["invalid_request", 400, "INVALID_ARGUMENT"],
      ["invalid_json", 400, "INVALID_ARGUMENT"],
      ["unsupported_parameter", 400, "INVALID_ARGUMENT"],
      ["content_policy_violation", 400, "INVALID_ARGUMENT"],
      ["context_length_exceeded", 400, "INVALID_ARGUMENT"],
      ["previous_response_not_found", 400, "INVALID_ARGUMENT"],
      ["invalid_api_key", 401, "UNAUTHENTICATED"],
      ["insufficient_points", 402, "RESOURCE_EXHAUSTED"],
      ["budget_exceeded", 402, "RESOURCE_EXHAUSTED"],
      ["permission_denied", 403, "PERMISSION_DENIED"],
      ["ip_not_allowed", 403, "PERMISSION_DENIED"],
      ["not_found", 404, "NOT_FOUND"],
      ["model_not_found", 404, "NOT_FOUND"],
      ["method_not_allowed", 405, "UNIMPLEMENTED"],
      ["idempotency_conflict", 409, "ABORTED"],
      ["idempotency_in_progress", 409, "ABORTED"],
      ["conflict", 409, "ABORTED"],
      ["payload_too_large", 413, "INVALID_ARGUMENT"],
      ["rate_limit_exceeded", 429, "RESOURCE_EXHAUSTED"],
      ["request_cancelled", 499, "CANCELLED"],
      ["internal_error", 500, "INTERNAL"],
      ["vendor_unavailable", 502, "UNAVAILABLE"],
      ["vendor_rejected", 502, "UNAVAILABLE"],
      ["stream_truncated", 502, "UNAVAILABLE"],
      ["overloaded", 503, "UNAVAILABLE"],
      ["model_not_priced", 503, "UNAVAILABLE"],
      ["vendor_timeout", 504, "DEADLINE_EXCEEDED"],
    ]);
  });
});

test.each([
  ["/v1beta/models/m:generateContent", {}, true],
  ["/v1beta/nonsense", {}, true],
  ["/v1/models/a/b:c:streamGenerateContent?alt=sse", {}, true],
  ["/v1/models/m:tuneModel", {}, false],
  ["/v1/models", {}, false],
  ["/v1/models", { "x-goog-api-key": "sk-a" }, false],
  ["/v1/models/m", { "x-goog-api-client": "google-genai-sdk/3" }, true],
  ["/v1/streams/str_1", { "x-goog-api-client": "google-genai-sdk/3" }, true],
  ["/v1/chat/completions", { "x-goog-api-client": "google-genai-sdk/3" }, false],
])("an error on %s with %j is Gemini's: %p", async (path, headers, isGeminis) => {
  const request = new Request(`http://localhost${path}`, { headers });
  const response = errorFor(request, new SluiceError("not_found", "No."), "req_1");
  const { error } = (await response.json()) as { error: { code: unknown } };
  expect(error.code === 404).toBe(isGeminis);
});
