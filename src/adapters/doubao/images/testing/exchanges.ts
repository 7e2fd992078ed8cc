import { BASE64_PNG, type MediaErrorFixture, type MediaFixtures } from "../../../testing/media-fixtures.ts";

const refusal = (
  name: string,
  status: number,
  code: string,
  fault: MediaErrorFixture["fault"],
  meaning: MediaErrorFixture["code"],
): MediaErrorFixture => ({
  name,
  origin: "constructed",
  status,
  body: { error: { code, message: `${name}. Request id: 0217426324357123`, param: "", type: "X" } },
  fault,
  code: meaning,
});

const URL_OF = "https://ark-content.test/1.jpeg?X-Tos-Expires=86400&X-Tos-Signature=abc";

/** Shapes of `volcengine/volcengine-python-sdk` and of a Seedream 5.0 answer in a public skill file (2026-02). */
export const SEEDREAM: MediaFixtures = {
  exchanges: [
    {
      name: "a picture",
      origin: "recorded",
      step: "submitted",
      answer: {
        body: {
          model: "doubao-seedream-5-0-260128",
          created: 1_771_990_000,
          data: [{ url: URL_OF, size: "3136x1312" }],
          usage: { generated_images: 1, output_tokens: 16_072, total_tokens: 16_072 },
        },
      },
      expected: {
        kind: "done",
        result: { pictures: [{ kind: "url", url: URL_OF }], usage: { images: 1, output: 0 } },
      },
    },
    {
      name: "a sequence of which one was refused",
      origin: "constructed",
      step: "submitted",
      answer: {
        body: {
          data: [
            { url: URL_OF, size: "2048x2048" },
            { error: { code: "OutputImageSensitiveContentDetected", message: "It may be sensitive." } },
            { b64_json: BASE64_PNG, size: "2048x2048" },
          ],
          usage: { generated_images: 2, output_tokens: 32_768, total_tokens: 32_768 },
        },
      },
      expected: {
        kind: "done",
        result: {
          pictures: [
            { kind: "url" },
            { kind: "refused", code: "content_policy_violation", message: "It may be sensitive." },
            { kind: "bytes", contentType: "image/png" },
          ],
          usage: { images: 2 },
        },
      },
    },
  ],
  errors: [
    {
      name: "every picture refused, in a 200",
      origin: "constructed",
      status: 200,
      body: {
        data: [{ error: { code: "OutputImageSensitiveContentDetected", message: "It may be sensitive." } }],
        usage: { generated_images: 0 },
      },
      fault: "request",
      code: "content_policy_violation",
    },
    {
      name: "every picture failed, in a 200",
      origin: "constructed",
      status: 200,
      body: { data: [{ error: { code: "InternalServiceError", message: "It broke." } }] },
      fault: "vendor",
      code: "vendor_unavailable",
    },
    refusal("words", 400, "InputTextSensitiveContentDetected", "request", "content_policy_violation"),
    refusal("size", 400, "InvalidParameter", "request", "invalid_request"),
    refusal("picture", 400, "InvalidImageURL.EmptyURL", "request", "invalid_request"),
    refusal("key", 401, "AuthenticationError", "key", "vendor_rejected"),
    refusal("money", 403, "AccountOverdueError", "key", "vendor_rejected"),
    refusal("model", 404, "ModelNotOpen", "config", "vendor_rejected"),
    refusal("pictures a minute", 429, "ModelAccountIpmRateLimitExceeded", "account", "rate_limit_exceeded"),
    refusal("a cap of the owner's", 429, "SetLimitExceeded", "key", "vendor_rejected"),
    refusal("load", 429, "ServerOverloaded", "vendor", "vendor_unavailable"),
    refusal("the server", 500, "InternalServiceError", "vendor", "vendor_unavailable"),
    {
      name: "a proxy that waited long enough",
      origin: "constructed",
      status: 504,
      body: "upstream request timeout",
      fault: "vendor",
      code: "vendor_timeout",
      mayHaveRun: true,
    },
  ],
};
