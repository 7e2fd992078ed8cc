import { editRequest, type MediaErrorFixture, type MediaFixtures } from "../../testing/media-fixtures.ts";

/** Made from the vendor's specification and the examples in its documentation: none was recorded. */
const origin = "constructed";

const INPUT = { ext: "jpeg", mps: 4.1472, mime: "image/jpeg", format: "JPEG", width: 2880, height: 1440 };
const outputAt = (name: string) => ({
  ext: "png",
  mps: 0.64,
  mime: "image/png",
  format: "PNG",
  width: 800,
  height: 800,
  tmp_url: `https://dl.claid.test/${name}.png`,
});

/** The envelope of a job. */
export const claidJob = (status: string, more: object = {}, path = "edit/async") => ({
  data: {
    id: 1,
    status,
    result_url: `https://api.claid.ai/v1/image/${path}/1`,
    created_at: "2025-09-11T19:56:07.947Z",
    request: {},
    ...more,
  },
});

const error = (
  name: string,
  status: number,
  body: object | string,
  fault: MediaErrorFixture["fault"],
  code: MediaErrorFixture["code"],
  more: Partial<MediaErrorFixture> = {},
): MediaErrorFixture => ({ name, origin, status, body, fault, code, ...more });
const said = (code: string, type: string, message: string, details: object = {}) => ({
  error_code: code,
  error_type: type,
  error_message: message,
  error_details: details,
});
const brokenJob = (message: string) => claidJob("ERROR", { errors: [{ error: message, created_at: "x" }] });

export const CLAID: MediaFixtures = {
  exchanges: [
    {
      name: "an edit that answers at once",
      origin,
      step: "submitted",
      request: editRequest(),
      answer: { body: { data: { input: INPUT, output: outputAt("a"), profiling: {} } } },
      expected: {
        kind: "done",
        result: { pictures: [{ kind: "url", url: "https://dl.claid.test/a.png" }], usage: { images: 1 } },
      },
    },
    {
      name: "pictures out of words",
      origin,
      step: "submitted",
      answer: {
        body: { data: { input: { text: "a cat" }, output: [outputAt("a"), outputAt("b")], profiling: {} } },
      },
      expected: {
        kind: "done",
        result: { pictures: [{ kind: "url" }, { url: "https://dl.claid.test/b.png" }], usage: { images: 2 } },
      },
    },
    {
      name: "a job that was taken",
      origin,
      step: "submitted",
      answer: { body: claidJob("ACCEPTED") },
      expected: { kind: "running", job: { jobId: "edit-async-1" }, askAgainMs: 2_000 },
    },
    {
      name: "an edit by words that was taken",
      origin,
      step: "submitted",
      answer: { body: claidJob("ACCEPTED", {}, "ai-edit") },
      expected: { kind: "running", job: { jobId: "ai-edit-1" } },
    },
    {
      name: "a job that does not say where it is asked about",
      origin,
      step: "submitted",
      request: editRequest(),
      answer: { body: { data: { id: 9, status: "WAITING" } } },
      expected: { kind: "running", job: { jobId: "ai-edit-9" } },
    },
    {
      name: "a job at work",
      origin,
      step: "polled",
      answer: { body: claidJob("PROCESSING") },
      expected: { kind: "running" },
    },
    {
      name: "a job that stands still",
      origin,
      step: "polled",
      answer: { body: claidJob("PAUSED") },
      expected: { kind: "running", askAgainMs: 15_000 },
    },
    {
      name: "an edit that is done",
      origin,
      step: "polled",
      answer: { body: claidJob("DONE", { result: { input_object: INPUT, output_object: outputAt("a") } }) },
      expected: {
        kind: "done",
        result: { pictures: [{ kind: "url" }], usage: { images: 1 } },
        job: { jobId: "edit-async-1" },
      },
    },
    {
      name: "an edit by words that is done, one of three pictures refused",
      origin,
      step: "polled",
      answer: {
        body: claidJob(
          "DONE",
          {
            result: { input_object: INPUT, output_objects: [outputAt("a"), outputAt("b")] },
            errors: [{ error: "Blocked by content moderation", created_at: "x" }],
          },
          "ai-edit",
        ),
      },
      expected: {
        kind: "done",
        result: {
          pictures: [{ kind: "url" }, { kind: "url" }, { kind: "refused", code: "content_policy_violation" }],
          usage: { images: 2 },
        },
      },
    },
    {
      name: "done with nothing but errors",
      origin,
      step: "polled",
      answer: { body: claidJob("DONE", { errors: [{ error: "Could not retrieve the input" }] }) },
      expected: { kind: "failed", failure: { fault: "request", code: "invalid_request" } },
    },
    {
      name: "done with nothing",
      origin,
      step: "polled",
      answer: { body: claidJob("DONE", { result: { output_objects: [] } }) },
      expected: { kind: "failed", mayHaveRun: true },
    },
    {
      name: "a picture in somebody's storage alone",
      origin,
      step: "submitted",
      answer: { body: { data: { output: { object_uri: "storage://x/a.png" } } } },
      expected: { kind: "failed", mayHaveRun: true },
    },
    {
      name: "a job that was cancelled",
      origin,
      step: "polled",
      answer: { body: claidJob("CANCELLED") },
      expected: { kind: "cancelled" },
    },
    {
      name: "a state that is not known",
      origin,
      step: "polled",
      answer: { body: claidJob("SLEEPING") },
      expected: { kind: "failed", mayHaveRun: true },
    },
  ],
  errors: [
    error(
      "a bad input",
      400,
      said("4001", "image", "Object is not retrievable"),
      "request",
      "invalid_request",
    ),
    error("no key", 401, said("111", "auth", "Authorization is required. $KEY"), "key", "vendor_rejected"),
    error("no calls left", 402, said("800", "billing", "No API calls left"), "key", "vendor_rejected"),
    error("a key without the scope", 403, said("112", "auth", "Scope is missing"), "key", "vendor_rejected"),
    error("a wrong path", 404, said("1", "general", "Not found"), "config", "vendor_rejected"),
    error("a conflict", 409, said("1", "general", "Conflict"), "request", "invalid_request"),
    error(
      "validation",
      422,
      said("9000", "validation", "Validation error", { "operations.resizing.width": ["must be positive"] }),
      "request",
      "invalid_request",
    ),
    error(
      "validation by FastAPI",
      422,
      { detail: [{ loc: ["path", "id"], msg: "no integer", type: "int" }] },
      "request",
      "invalid_request",
    ),
    error(
      "moderated",
      422,
      said("9001", "le", "The prompt was blocked by moderation"),
      "request",
      "content_policy_violation",
    ),
    error(
      "too many calls",
      429,
      { detail: said("2001", "rate", "Rate limit exceeded") },
      "account",
      "rate_limit_exceeded",
      {
        headers: {
          "RateLimit-Limit": "4, 120;w=60, 4;w=1",
          "RateLimit-Remaining": "-1",
          "RateLimit-Reset": "7",
        },
        retryAfterMs: 7_000,
      },
    ),
    error("broken", 500, said("1", "general", "Temporary error"), "vendor", "vendor_unavailable"),
    error("a proxy's page", 502, "<html><title>Bad Gateway</title></html>", "vendor", "vendor_unavailable"),
    error("a job that broke", 200, brokenJob("Internal failure $KEY"), "vendor", "vendor_unavailable", {
      step: "polled",
    }),
    error("a job that was moderated", 200, brokenJob("NSFW content"), "request", "content_policy_violation", {
      step: "polled",
    }),
  ],
};
