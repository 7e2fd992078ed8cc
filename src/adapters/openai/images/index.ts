import type { MediaAdapter } from "../../media-adapter.ts";
import { readPictures } from "./answer.ts";
import { callFor } from "./request.ts";

/** What every model drew before sizes were free. */
const USUAL_PIXELS = 1_536 * 1_024;
/** Of larger pictures, of up to some 20 MB each: more would not fit into the longest answer that is read. */
const LARGE_A_CALL = 4;

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
  picturesACall: ({ size }) =>
    size !== undefined && size.width * size.height > USUAL_PIXELS ? LARGE_A_CALL : undefined,
  submit: (request, target) => callFor(request, target),
  readSubmitted: (_request, answer) => readPictures(answer),
};

/** Whoever else speaks it, at an address that the operator gives; their pictures may come as addresses. */
export const openaiCompatibleImages: MediaAdapter = (({ defaultBaseUrl: _, ...same }) => ({
  ...same,
  name: "openai-compatible" as const,
}))(openaiImages);
