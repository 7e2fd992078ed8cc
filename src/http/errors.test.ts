import { describe, expect, test } from "bun:test";
import { type ErrorCode, type ErrorDetail, SluiceError } from "../core/errors.ts";
import { errorResponse, rateLimitHeaders } from "./errors.ts";

const answer = (code: ErrorCode, detail: ErrorDetail = {}) =>
  errorResponse(new SluiceError(code, "No.", detail), "req_1");

describe("an error's answer", () => {
  test.each([
    ["invalid_json", 400, "invalid_request_error"],
    ["invalid_api_key", 401, "invalid_request_error"],
    ["insufficient_points", 402, "insufficient_quota"],
    ["ip_not_allowed", 403, "permission_error"],
    ["model_not_found", 404, "invalid_request_error"],
    ["idempotency_conflict", 409, "invalid_request_error"],
    ["payload_too_large", 413, "invalid_request_error"],
    ["rate_limit_exceeded", 429, "rate_limit_error"],
    ["vendor_unavailable", 502, "server_error"],
    ["overloaded", 503, "server_error"],
  ] as const)("%s is a %d of type %s", async (code, status, type) => {
    const response = answer(code, { param: "model" });
    expect(response.status).toBe(status);
    expect(response.headers.get("x-request-id")).toBe("req_1");
    expect(await response.json()).toEqual({
      error: { message: "No.", type, code, param: "model", request_id: "req_1" },
    });
  });

  test("has a null param and what would be affordable", async () => {
    expect(await answer("insufficient_points", { affordable: "0.5" }).json()).toMatchObject({
      error: { param: null, affordable: "0.5" },
    });
  });

  test.each([
    ["rate_limit_exceeded", 1_001, "2"],
    ["rate_limit_exceeded", 3, "1"],
    ["overloaded", undefined, "1"],
    ["vendor_unavailable", 1_000, null],
  ] as const)("%s with a wait of %p ms has the retry-after %p", (code, retryAfterMs, seconds) => {
    const detail = retryAfterMs === undefined ? {} : { retryAfterMs };
    expect(answer(code, detail).headers.get("retry-after")).toBe(seconds);
  });

  test("carries the limit that refused", () => {
    const limit = { name: "tenant", limit: 10, remaining: 0, resetMs: 120 };
    const { headers } = answer("rate_limit_exceeded", { limit });
    expect(headers.get("x-ratelimit-limit-requests")).toBe("10");
    expect(headers.get("x-ratelimit-remaining-requests")).toBe("0");
    expect(headers.get("x-ratelimit-reset-requests")).toBe("120ms");
  });

  test("has a vendor's own status where one is handed on", () => {
    expect(answer("vendor_rejected", { status: 422 }).status).toBe(422);
  });
});

test.each([
  [0, "0s"],
  [0.2, "1ms"],
  [120, "120ms"],
  [1_000, "1s"],
  [1_500, "1.5s"],
  [360_000, "6m0s"],
  [3_600_000, "1h0m0s"],
  [90_061_000, "25h1m1s"],
])("a reset in %p ms is written as Go would: %s", (resetMs, text) => {
  const headers = rateLimitHeaders({ name: "key", limit: 1, remaining: 0.7, resetMs });
  expect(headers["x-ratelimit-reset-requests"]).toBe(text);
  expect(headers["x-ratelimit-remaining-requests"]).toBe("0");
});
