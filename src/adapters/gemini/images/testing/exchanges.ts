import { BASE64_PNG, INLINE_PNG, type MediaFixtures } from "../../../testing/media-fixtures.ts";

const PICTURE = { inlineData: { mimeType: "image/png", data: BASE64_PNG } };

/** Shapes of the types of `googleapis/js-genai` and of recordings of the same method's answers in words. */
export const GEMINI_IMAGES: MediaFixtures = {
  exchanges: [
    {
      name: "a picture among words, and a sketch of the thoughts before it",
      origin: "constructed",
      step: "submitted",
      answer: {
        body: {
          candidates: [
            {
              content: {
                role: "model",
                parts: [{ ...PICTURE, thought: true }, { text: "Here is your cat." }, PICTURE],
              },
              finishReason: "STOP",
              index: 0,
            },
          ],
          usageMetadata: {
            promptTokenCount: 268,
            candidatesTokenCount: 1_130,
            thoughtsTokenCount: 90,
            totalTokenCount: 1_488,
            promptTokensDetails: [
              { modality: "TEXT", tokenCount: 10 },
              { modality: "IMAGE", tokenCount: 258 },
            ],
            candidatesTokensDetails: [
              { modality: "IMAGE", tokenCount: 1_120 },
              { modality: "TEXT", tokenCount: 10 },
            ],
          },
          modelVersion: "gemini-3.1-flash-image",
        },
      },
      expected: {
        kind: "done",
        result: {
          pictures: [{ kind: "bytes", bytes: INLINE_PNG, contentType: "image/png" }],
          usage: {
            input: 10,
            imageInput: 258,
            output: 10,
            imageOutput: 1_120,
            reasoning: 90,
            images: 1,
          },
        },
      },
    },
    {
      name: "a picture whose tokens are not told apart",
      origin: "constructed",
      step: "submitted",
      answer: {
        body: {
          candidates: [{ content: { parts: [PICTURE] }, finishReason: "STOP" }],
          usageMetadata: { promptTokenCount: 8, candidatesTokenCount: 1_290, totalTokenCount: 1_298 },
        },
      },
      expected: {
        kind: "done",
        result: { pictures: [{}], usage: { input: 8, output: 0, imageOutput: 1_290, images: 1 } },
      },
    },
  ],
  errors: [
    {
      name: "a blocked prompt, in a 200",
      origin: "recorded",
      status: 200,
      body: {
        promptFeedback: { blockReason: "PROHIBITED_CONTENT" },
        usageMetadata: { promptTokenCount: 8, totalTokenCount: 8 },
      },
      fault: "request",
      code: "content_policy_violation",
    },
    {
      name: "a picture that was refused, in a 200",
      origin: "constructed",
      status: 200,
      body: {
        candidates: [{ content: {}, finishReason: "IMAGE_SAFETY", finishMessage: "Unable to show it." }],
      },
      fault: "request",
      code: "content_policy_violation",
    },
    {
      name: "words instead of a picture",
      origin: "constructed",
      status: 200,
      body: { candidates: [{ content: { parts: [{ text: "Which cat?" }] }, finishReason: "NO_IMAGE" }] },
      fault: "request",
      code: "invalid_request",
    },
    {
      name: "a wrong key",
      origin: "recorded",
      status: 400,
      body: {
        error: {
          code: 400,
          message: "API key not valid. Please pass a valid API key.",
          status: "INVALID_ARGUMENT",
          details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID" }],
        },
      },
      fault: "key",
      code: "vendor_rejected",
    },
    {
      name: "requests a minute",
      origin: "constructed",
      status: 429,
      body: {
        error: {
          code: 429,
          message: "Quota exceeded.",
          status: "RESOURCE_EXHAUSTED",
          details: [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "34.4s" }],
        },
      },
      fault: "account",
      code: "rate_limit_exceeded",
      retryAfterMs: 34_400,
    },
    {
      name: "load",
      origin: "constructed",
      status: 503,
      body: { error: { code: 503, message: "The model is overloaded.", status: "UNAVAILABLE" } },
      fault: "vendor",
      code: "vendor_unavailable",
    },
    {
      name: "a deadline of the vendor's own",
      origin: "constructed",
      status: 504,
      body: { error: { code: 504, message: "Deadline expired.", status: "DEADLINE_EXCEEDED" } },
      fault: "vendor",
      code: "vendor_timeout",
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
