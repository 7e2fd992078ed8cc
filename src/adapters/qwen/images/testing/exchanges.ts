import type { MediaErrorFixture, MediaFixtures } from "../../../testing/media-fixtures.ts";

const refusal = (
  status: number,
  code: string,
  fault: MediaErrorFixture["fault"],
  meaning: MediaErrorFixture["code"],
  message = "Something is wrong with $KEY.",
): MediaErrorFixture => ({
  name: `${status} ${code}`,
  origin: "constructed",
  status,
  body: { code, message, request_id: "7574ee8f-38a3-4b1e-9280-11c33ab46e51" },
  fault,
  code: meaning,
});

const URL_OF = "https://dashscope-result.test/1d/a.png?Expires=1735640787&OSSAccessKeyId=x&Signature=y";
const JOB = "86ecf553-d340-4e21-af6e-a0c6a421c010";
const TIMES = {
  submit_time: "2024-12-30 16:26:27.870",
  scheduled_time: "2024-12-30 16:26:27.901",
};

/** Recorded shapes: logs in the README of `oldmanpushcart/dashscope4j`; others: Model Studio's pages (Wan, Qwen-Image). */
export const QWEN_IMAGES: MediaFixtures = {
  exchanges: [
    {
      name: "a job",
      origin: "recorded",
      step: "submitted",
      answer: { body: { output: { task_status: "PENDING", task_id: JOB }, request_id: "r" } },
      expected: { kind: "running", job: { jobId: JOB }, askAgainMs: 5_000 },
    },
    {
      name: "a job that runs",
      origin: "recorded",
      step: "polled",
      answer: { body: { request_id: "r", output: { task_id: JOB, task_status: "RUNNING", ...TIMES } } },
      expected: { kind: "running", job: { jobId: JOB } },
    },
    {
      name: "a job that is suspended",
      origin: "constructed",
      step: "polled",
      answer: { body: { output: { task_id: JOB, task_status: "SUSPENDED" } } },
      expected: { kind: "running" },
    },
    {
      name: "a picture",
      origin: "recorded",
      step: "polled",
      answer: {
        body: {
          request_id: "r",
          output: {
            task_id: JOB,
            task_status: "SUCCEEDED",
            ...TIMES,
            end_time: "2024-12-30 16:26:36.800",
            results: [{ orig_prompt: "a cat", actual_prompt: "A grey cat on a sofa.", url: URL_OF }],
            task_metrics: { TOTAL: 1, SUCCEEDED: 1, FAILED: 0 },
          },
          usage: { image_count: 1 },
        },
      },
      expected: {
        kind: "done",
        job: { jobId: JOB },
        result: {
          pictures: [{ kind: "url", url: URL_OF }],
          usage: { images: 1 },
          extra: { revised_prompt: "A grey cat on a sofa." },
        },
      },
    },
    {
      name: "four pictures of which one was refused, in a job that went well",
      origin: "constructed",
      step: "polled",
      answer: {
        body: {
          output: {
            task_id: JOB,
            task_status: "SUCCEEDED",
            results: [
              { url: URL_OF },
              { code: "DataInspectionFailed", message: "It may be inappropriate." },
              { url: URL_OF },
              { url: URL_OF },
            ],
            task_metrics: { TOTAL: 4, SUCCEEDED: 3, FAILED: 1 },
          },
          usage: { image_count: 3.0 },
        },
      },
      expected: {
        kind: "done",
        result: {
          pictures: [{}, { kind: "refused", code: "content_policy_violation" }, {}, {}],
          usage: { images: 3 },
        },
      },
    },
    {
      name: "pictures of the newer jobs, with their size",
      origin: "constructed",
      step: "polled",
      answer: {
        body: {
          output: {
            task_id: JOB,
            task_status: "SUCCEEDED",
            finished: true,
            choices: [
              {
                finish_reason: "stop",
                message: { role: "assistant", content: [{ type: "image", image: URL_OF }] },
              },
              {
                finish_reason: "stop",
                message: { role: "assistant", content: [{ type: "image", image: URL_OF }] },
              },
            ],
          },
          usage: { image_count: 2, size: "1440*1440", input_tokens: 0, output_tokens: 0 },
        },
      },
      expected: {
        kind: "done",
        result: { pictures: [{}, {}], usage: { images: 2, imageVariants: { "1K": 2 }, input: 0 } },
      },
    },
    {
      name: "a picture at once",
      origin: "constructed",
      step: "submitted",
      answer: {
        body: {
          output: {
            choices: [
              { finish_reason: "stop", message: { role: "assistant", content: [{ image: URL_OF }] } },
            ],
          },
          usage: { image_count: 1, width: 2_048, height: 2_048 },
          request_id: "r",
        },
      },
      expected: {
        kind: "done",
        result: {
          pictures: [{ kind: "url", url: URL_OF }],
          usage: { images: 1, imageVariants: { "2K": 1 } },
        },
      },
    },
    {
      name: "a picture at once that is counted by metrics alone",
      origin: "recorded",
      step: "submitted",
      answer: {
        body: {
          output: {
            choices: [{ finish_reason: "stop", message: { content: [{ image: URL_OF }] } }],
            task_metric: { FAILED: 0, SUCCEEDED: 1, TOTAL: 1 },
          },
        },
      },
      expected: { kind: "done", result: { usage: { images: 1 } } },
    },
    {
      name: "a job that was taken back",
      origin: "constructed",
      step: "polled",
      answer: { body: { output: { task_id: JOB, task_status: "CANCELED" } } },
      expected: { kind: "cancelled" },
    },
    {
      name: "a job that is too old, or never was, in a 200",
      origin: "constructed",
      step: "polled",
      answer: { body: { request_id: "r", output: { task_id: JOB, task_status: "UNKNOWN" } } },
      expected: { kind: "unknown" },
    },
  ],
  errors: [
    {
      name: "a job that was refused",
      origin: "constructed",
      step: "polled",
      status: 200,
      body: {
        output: {
          task_id: JOB,
          task_status: "FAILED",
          code: "DataInspectionFailed",
          message: "Input data may contain inappropriate content.",
        },
      },
      fault: "request",
      code: "content_policy_violation",
    },
    {
      name: "a job that broke",
      origin: "constructed",
      step: "polled",
      status: 200,
      body: {
        output: { task_id: JOB, task_status: "FAILED", code: "InternalError.Timeout", message: "Timeout." },
      },
      fault: "vendor",
      code: "vendor_timeout",
    },
    {
      name: "a job all of whose pictures were refused",
      origin: "constructed",
      step: "polled",
      status: 200,
      body: {
        output: {
          task_id: JOB,
          task_status: "SUCCEEDED",
          results: [{ code: "DataInspectionFailed", message: "It may be inappropriate." }],
        },
      },
      fault: "request",
      code: "content_policy_violation",
    },
    refusal(400, "InvalidParameter", "request", "invalid_request"),
    refusal(400, "DataInspectionFailed", "request", "content_policy_violation"),
    refusal(400, "Arrearage", "key", "vendor_rejected"),
    refusal(401, "InvalidApiKey", "key", "vendor_rejected"),
    refusal(
      403,
      "AccessDenied",
      "request",
      "invalid_request",
      "current user api does not support synchronous calls.",
    ),
    refusal(403, "AllocationQuota.FreeTierOnly", "key", "vendor_rejected"),
    refusal(404, "ModelNotFound", "config", "vendor_rejected"),
    refusal(429, "Throttling.RateQuota", "account", "rate_limit_exceeded"),
    refusal(429, "Throttling.Concurrency", "account", "rate_limit_exceeded"),
    refusal(500, "InternalError", "vendor", "vendor_unavailable"),
    refusal(503, "ModelServingError", "vendor", "vendor_unavailable"),
    {
      name: "a proxy that waited long enough",
      origin: "constructed",
      status: 504,
      body: "<html><title>504 Gateway Time-out</title></html>",
      fault: "vendor",
      code: "vendor_timeout",
      mayHaveRun: true,
    },
  ],
};
