import type { MadePicture, MediaRequest } from "../../core/media.ts";
import { NO_USAGE } from "../../core/usage.ts";
import { refusedCall, unreadableJob } from "../failure/job-failure.ts";
import type { JobState, MediaAdapter, MediaAnswer } from "../media-adapter.ts";
import { classify } from "./errors.ts";
import { callFor } from "./request.ts";

/** Keys that begin so make watermarked pictures that the vendor does not charge for. */
const SANDBOX_KEY = "sandbox_";
const MOST_HEADER_CHARS = 1_000;

/** What the vendor says of a picture beside it, and what it is called in `extra`. */
const TOLD: readonly (readonly [header: string, name: string])[] = [
  ["x-uncertainty-score", "uncertainty_score"],
  ["pr-ai-background-seed", "background_seed"],
  ["pr-texts-detected", "texts_detected"],
  ["pr-unsupported-attributes", "unsupported_attributes"],
];

/**
 * Photoroom: v1/segment takes backgrounds away, v2/edit does everything else. Each call answers with the picture itself.
 * One call makes one picture. It is charged as one, of the variant `sandbox` under a sandbox key, and of `preview` where
 * that size is asked for.
 */
export const photoroom: MediaAdapter = {
  name: "photoroom",
  defaultBaseUrl: "https://image-api.photoroom.com",
  operations: new Set(["image", "image_edit"]),
  takes: "bytes",
  resubmission: "never",
  picturesACall: () => 1,
  submit: (request, target) => callFor(request, target),
  readSubmitted: (request, answer) => readPicture(request, answer),
};

function readPicture(request: MediaRequest, answer: MediaAnswer): JobState {
  const { status, headers, body, secret } = answer;
  if (status < 200 || status > 299) return refusedCall(answer, classify);
  const contentType = (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (!/^image\/[a-z0-9.+-]+$/.test(contentType) || body.byteLength === 0) {
    return unreadableJob("no_picture", "The vendor's answer is no picture.");
  }
  const picture: MadePicture = { kind: "bytes", bytes: body, contentType };
  const variant = secret.startsWith(SANDBOX_KEY)
    ? "sandbox"
    : request.options.size === "preview"
      ? "preview"
      : undefined;
  const usage = {
    ...NO_USAGE,
    images: 1,
    ...(variant === undefined ? {} : { imageVariants: { [variant]: 1 } }),
  };
  const told = TOLD.flatMap(([header, name]) => {
    const value = headers.get(header);
    return value === null || value === "" ? [] : [[name, value.slice(0, MOST_HEADER_CHARS)] as const];
  });
  const extra = told.length === 0 ? {} : { extra: Object.fromEntries(told) };
  return { kind: "done", result: { pictures: [picture], usage, ...extra } };
}
