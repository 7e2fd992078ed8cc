import type { MediaAdapter } from "../../media-adapter.ts";
import { readPictures } from "./answer.ts";
import { callFor } from "./request.ts";

/**
 * OpenAI's picture models (the Images API). A call answers with its pictures, after up to minutes. Nothing tells one call
 * from another of the same words, and each is paid for: what was sent is not sent again.
 */
export const openaiImages: MediaAdapter = {
  name: "openai",
  defaultBaseUrl: "https://api.openai.com/v1",
  operations: new Set(["image", "image_edit"]),
  takes: "bytes",
  resubmission: "never",
  submit: (request, target) => callFor(request, target),
  readSubmitted: (_request, answer) => readPictures(answer),
};

/** Whoever else speaks it, at an address that the operator gives; their pictures may come as addresses. */
export const openaiCompatibleImages: MediaAdapter = (({ defaultBaseUrl: _, ...same }) => ({
  ...same,
  name: "openai-compatible" as const,
}))(openaiImages);
