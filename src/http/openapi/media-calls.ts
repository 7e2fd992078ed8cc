import { type Description, json, ref } from "./description.ts";

/** Pictures and sound, and the messages that tell of them. */

const bytes = { type: "string", format: "binary" };

const GONE = "There is no such picture or sound, or it has expired.";

export const MEDIA_CALLS: readonly Description[] = [
  {
    method: "post",
    path: "/v1/media",
    tag: "Media",
    summary: "Upload a picture, a piece of sound or a batch's lines",
    description:
      "As the body itself, or as `file` of a form. What it is, is read from its bytes: PNG, JPEG, WebP, GIF, AVIF, HEIC; MP3, AAC, WAV, OGG, FLAC, M4A, WebM. What comes as `application/jsonl`, or under a name that ends with `.jsonl`, is a batch's lines.",
    access: "client",
    bodies: {
      "application/octet-stream": bytes,
      "application/jsonl": bytes,
      "multipart/form-data": { type: "object", properties: { file: bytes }, required: ["file"] },
    },
    answers: {
      201: json("It is kept.", "Media"),
      413: "It is too large, or all uploads together would be.",
      429: "Too many uploads of the caller run already.",
    },
  },
  {
    method: "get",
    path: "/v1/media/{id}",
    tag: "Media",
    summary: "A picture or a piece of sound, in another form or size if wanted",
    description:
      "By a signed link, which needs no key, or by a key of its tenant. `Range`, `If-Range`, `If-None-Match` and `HEAD` work as HTTP has them. Form and size are not part of the signature.",
    access: "client",
    parameters: {
      expires: "Of a signed link: epoch seconds.",
      signature: "Of a signed link.",
      format: "`webp`, `jpeg` or `png`; absent: as it is.",
      w: "The widest that it may be, in pixels up to 4096; it keeps its proportions and is never enlarged.",
      h: "The highest that it may be.",
      q: "Quality from 1 to 100; absent: 80. Of no meaning for PNG.",
      download: "Any value: browsers save it instead of showing it.",
    },
    answers: {
      200: { text: "The bytes.", types: { "image/*": bytes, "audio/*": bytes } },
      206: { text: "The part that was asked for.", types: { "image/*": bytes, "audio/*": bytes } },
      403: "The link is not valid or has expired, or the key may not do this.",
      404: GONE,
      416: "There is nothing in this range.",
    },
  },
  {
    method: "delete",
    path: "/v1/media/{id}",
    tag: "Media",
    summary: "Delete a picture or a piece of sound; its links open nothing any more",
    access: "client",
    answers: { 200: "It is deleted.", 404: GONE },
  },
  {
    method: "get",
    path: "/v1/webhooks/secret",
    tag: "Webhooks",
    summary: "The secret that signs the caller's webhooks; made when it is first asked for",
    access: "client",
    answers: { 200: json("The secret.", "WebhookSecret") },
  },
  {
    method: "post",
    path: "/v1/webhooks/secret",
    tag: "Webhooks",
    summary: "A new secret; the old one signs as well for 24 hours",
    access: "client",
    answers: { 201: json("The new secret.", "WebhookSecret") },
  },
  {
    method: "get",
    path: "/v1/webhooks/deliveries",
    tag: "Webhooks",
    summary: "What was sent to the caller, the newest first; kept for a week after it is settled",
    access: "client",
    parameters: {
      state: "`pending`, `delivered` or `undeliverable`; absent: all.",
      limit: "1 to 100; absent: 20.",
      after: "The id of the last one that was seen.",
    },
    answers: { 200: json("The deliveries.", "WebhookDeliveries") },
  },
  {
    method: "post",
    path: "/v1/webhooks/deliveries/{id}/resend",
    tag: "Webhooks",
    summary: "Send a webhook again, whatever became of it",
    access: "client",
    answers: { 202: json("It is on its way.", "WebhookDelivery"), 404: "There is no such webhook of yours." },
  },
  {
    method: "post",
    path: "/v1/webhooks/test",
    tag: "Webhooks",
    summary: "Send a test to a URL",
    access: "client",
    body: ref("WebhookTarget"),
    answers: {
      202: json("It is on its way.", "WebhookDelivery"),
      429: "Earlier tests have not been taken yet.",
    },
  },
];
