import { BASE64_PNG, INLINE_PNG, type MediaFixtures } from "../../../testing/media-fixtures.ts";

const refusal = (message: string, code: string | null, param: string | null = null) => ({
  error: { message, type: "invalid_request_error", param, code },
});

/** Shapes of the spec (2.3.0), of recordings in `vercel/ai` (`packages/openai`), and of the guide for error codes. */
export const OPENAI_IMAGES: MediaFixtures = {
  exchanges: [
    {
      name: "a picture, with tokens of words and of pictures",
      origin: "recorded",
      step: "submitted",
      answer: {
        body: {
          created: 1_770_935_200,
          background: "opaque",
          data: [{ b64_json: BASE64_PNG }],
          output_format: "png",
          quality: "high",
          size: "1024x1024",
          usage: {
            total_tokens: 4_598,
            input_tokens: 438,
            output_tokens: 4_160,
            input_tokens_details: { text_tokens: 50, image_tokens: 388 },
            output_tokens_details: { image_tokens: 4_160, text_tokens: 0 },
          },
        },
      },
      expected: {
        kind: "done",
        result: {
          pictures: [{ kind: "bytes", bytes: INLINE_PNG, contentType: "image/png" }],
          usage: {
            ...{ input: 50, imageInput: 388, output: 0, imageOutput: 4_160 },
            ...{ images: 1, imageVariants: { "1024x1024/high": 1 } },
          },
        },
      },
    },
    {
      name: "two pictures of which the tokens are not told apart",
      origin: "recorded",
      step: "submitted",
      answer: {
        body: {
          created: 1,
          data: [{ b64_json: BASE64_PNG }, { b64_json: BASE64_PNG }],
          usage: { total_tokens: 560, input_tokens: 16, output_tokens: 544 },
        },
      },
      expected: {
        kind: "done",
        result: { pictures: [{}, {}], usage: { input: 16, output: 0, imageOutput: 544, images: 2 } },
      },
    },
    {
      name: "a picture at an address, and the prompt that was made of it",
      origin: "constructed",
      step: "submitted",
      answer: {
        body: { created: 1, data: [{ url: "https://pictures.test/1.png", revised_prompt: "A grey cat." }] },
      },
      expected: {
        kind: "done",
        result: {
          pictures: [{ kind: "url", url: "https://pictures.test/1.png" }],
          usage: undefined,
          extra: { revised_prompt: "A grey cat." },
        },
      },
    },
  ],
  errors: [
    {
      name: "safety",
      origin: "constructed",
      status: 400,
      body: refusal("Your request was rejected as a result of our safety system. $KEY", "moderation_blocked"),
      fault: "request",
      code: "content_policy_violation",
    },
    {
      name: "response_format",
      origin: "recorded",
      status: 400,
      body: refusal("Unknown parameter: 'response_format'.", "unknown_parameter", "response_format"),
      fault: "request",
      code: "unsupported_parameter",
    },
    {
      name: "a size that there is not",
      origin: "constructed",
      status: 400,
      body: refusal("Invalid value: '1x1'.", "invalid_value", "size"),
      fault: "request",
      code: "invalid_request",
    },
    {
      name: "a wrong key",
      origin: "recorded",
      status: 401,
      headers: { "content-type": "text/plain" },
      body: refusal("Incorrect API key provided: $KEY.", "invalid_api_key"),
      fault: "key",
      code: "vendor_rejected",
    },
    {
      name: "pictures a minute",
      origin: "constructed",
      status: 429,
      headers: { "retry-after": "12" },
      body: { error: { message: "Rate limit reached.", type: "requests", code: "rate_limit_exceeded" } },
      fault: "account",
      code: "rate_limit_exceeded",
      retryAfterMs: 12_000,
    },
    {
      name: "no money",
      origin: "recorded",
      status: 429,
      body: {
        error: {
          message: "You exceeded your current quota.",
          type: "insufficient_quota",
          code: "insufficient_quota",
        },
      },
      fault: "key",
      code: "vendor_rejected",
    },
    {
      name: "the server",
      origin: "constructed",
      status: 500,
      body: { error: { message: "The server had an error.", type: "server_error", code: null } },
      fault: "vendor",
      code: "vendor_unavailable",
    },
    {
      name: "a proxy that could not reach it",
      origin: "constructed",
      status: 502,
      body: "<html><title>502 Bad Gateway</title></html>",
      fault: "vendor",
      code: "vendor_unavailable",
    },
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
