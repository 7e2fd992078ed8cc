import type { MediaAdapter } from "../../media-adapter.ts";
import { readPictures } from "./answer.ts";
import { asksForSequence, callFor } from "./request.ts";

/**
 * Seedream on Volcengine Ark. A call answers with one picture, or with a sequence of them where the client asks for that.
 * What it made can be fetched for a day.
 */
export const seedream: MediaAdapter = {
  name: "doubao",
  defaultBaseUrl: "https://ark.cn-beijing.volces.com/api/v3",
  operations: new Set(["image", "image_edit"]),
  resubmission: "never",
  picturesACall: (request) => (asksForSequence(request) ? undefined : 1),
  submit: (request, target) => callFor(request, target),
  readSubmitted: (_request, answer) => readPictures(answer),
};
