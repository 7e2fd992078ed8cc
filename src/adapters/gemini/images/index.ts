import type { MediaAdapter } from "../../media-adapter.ts";
import { readPictures } from "./answer.ts";
import { callFor } from "./request.ts";

/** Gemini's picture models: `generateContent` that may answer with pictures, which come in the answer, one a call. */
export const geminiImages: MediaAdapter = {
  name: "gemini",
  defaultBaseUrl: "https://generativelanguage.googleapis.com/v1beta",
  operations: new Set(["image", "image_edit"]),
  takes: "bytes",
  resubmission: "never",
  picturesACall: () => 1,
  submit: (request, target) => callFor(request, target),
  readSubmitted: (_request, answer) => readPictures(answer),
};
