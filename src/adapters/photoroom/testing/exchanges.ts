import type { MediaErrorFixture, MediaFixtures } from "../../testing/media-fixtures.ts";

/** Made from the vendor's specification (1.0.0) and documentation: none was recorded. */
const origin = "constructed";
const PNG = Uint8Array.from([137, 80, 78, 71, 13, 10, 26, 10, 0]);

const error = (
  name: string,
  status: number,
  body: object | string,
  fault: MediaErrorFixture["fault"],
  code: MediaErrorFixture["code"],
): MediaErrorFixture => ({ name, origin, status, body, fault, code });

export const PHOTOROOM: MediaFixtures = {
  exchanges: [
    {
      name: "a picture",
      origin,
      step: "submitted",
      answer: { headers: { "content-type": "image/png", "x-uncertainty-score": "0.02" }, body: PNG },
      expected: {
        kind: "done",
        result: {
          pictures: [{ kind: "bytes", bytes: PNG, contentType: "image/png" }],
          usage: { images: 1 },
          extra: { uncertainty_score: "0.02" },
        },
      },
    },
    {
      name: "a picture with parameters that were ignored",
      origin,
      step: "submitted",
      answer: {
        headers: {
          "content-type": "image/webp; charset=binary",
          "pr-ai-background-seed": "42",
          "pr-unsupported-attributes": "shadow.kind",
        },
        body: PNG,
      },
      expected: {
        kind: "done",
        result: {
          pictures: [{ kind: "bytes", contentType: "image/webp" }],
          extra: { background_seed: "42", unsupported_attributes: "shadow.kind" },
        },
      },
    },
    {
      name: "a 200 that is no picture",
      origin,
      step: "submitted",
      answer: { headers: { "content-type": "text/html" }, body: "<html>hello</html>" },
      expected: { kind: "failed", mayHaveRun: true, failure: { fault: "vendor", vendorCode: "no_picture" } },
    },
    {
      name: "an empty picture",
      origin,
      step: "submitted",
      answer: { headers: { "content-type": "image/png" }, body: new Uint8Array() },
      expected: { kind: "failed", mayHaveRun: true },
    },
  ],
  errors: [
    error(
      "v1: no picture",
      400,
      { detail: "Please provide an image.", status_code: 400, type: "missing_image" },
      "request",
      "invalid_request",
    ),
    error(
      "v2: a wrong parameter",
      400,
      { error: { message: "removeBackground must be boolean" } },
      "request",
      "invalid_request",
    ),
    error(
      "v2: moderated",
      400,
      { error: { message: "The prompt failed content moderation." } },
      "request",
      "content_policy_violation",
    ),
    error("no key", 400, { error: { message: "apiKey: Required" } }, "key", "vendor_rejected"),
    error(
      "v2: no images left",
      402,
      { error: { detail: "API credits exhausted. Key $KEY." } },
      "key",
      "vendor_rejected",
    ),
    error("a wrong key", 403, { error: { message: "Forbidden $KEY" } }, "key", "vendor_rejected"),
    error("a wrong key, said in nothing", 403, "", "key", "vendor_rejected"),
    error("a wrong path", 404, "Not Found", "config", "vendor_rejected"),
    error(
      "too large",
      413,
      { detail: "Image is too large", status_code: 413 },
      "request",
      "payload_too_large",
    ),
    error(
      "too many calls",
      429,
      { detail: "Too many requests", status_code: 429 },
      "account",
      "rate_limit_exceeded",
    ),
    error("broken", 500, { error: { message: "Internal error" } }, "vendor", "vendor_unavailable"),
    error(
      "a proxy's page",
      502,
      "<html><title>502 Bad Gateway</title></html>",
      "vendor",
      "vendor_unavailable",
    ),
    { ...error("too slow", 504, "", "vendor", "vendor_timeout"), mayHaveRun: true },
  ],
};
