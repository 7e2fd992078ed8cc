import type { JsonObject } from "../../../core/generation.ts";
import { isObject, numberOf } from "../../json.ts";
import { readMagicWords } from "../settings.ts";

/**
 * How a request for pictures steers the sandbox: by a `sandbox` object among its own fields, or by magic words in the
 * prompt:
 *
 *     {"sandbox": {"async": true, "ms": 2000, "fail": "500"}}
 *     [[sandbox async ms=2000 fail=500]]
 *
 * | field | meaning | default |
 * | --- | --- | --- |
 * | `ms` | how long the pictures take | 300 |
 * | `async` | the answer is a job, to be asked about until it is done | off |
 * | `refuse` | so many of the pictures are refused for their content | 0 |
 * | `usage` | `none`: what was made is not told | told |
 * | `fail` | a failure, see MEDIA_FAILURES | none |
 */
export interface MediaSettings {
  readonly ms: number;
  readonly isAsync: boolean;
  readonly refuse: number;
  readonly tellsUsage: boolean;
  readonly fail: MediaFailure | undefined;
}

/**
 * Refusals by status or cause; broken answers (`html_200`, `empty`, `half`); no answer (`refused`: nobody listens,
 * `hang`); `lost`: the job is taken and the answer to its submission never comes; `job`: the job fails when its time is
 * over; `job_content`: the same, for its content; `forgotten`: the job is not known when it is asked about.
 */
export const MEDIA_FAILURES = [
  ...(["400", "401", "402", "403", "404", "408", "413", "422", "429", "500", "502", "503", "504"] as const),
  ...(["quota", "content", "html", "html_200", "empty", "half", "refused", "hang", "lost"] as const),
  ...(["job", "job_content", "forgotten"] as const),
] as const;
export type MediaFailure = (typeof MEDIA_FAILURES)[number];

const USUAL_MS = 300;
/** A bound on what one request can make the sandbox do. */
const MOST_MS = 3_600_000;

/** What the body's `sandbox` says, and words in the prompt where it says nothing; what is no setting is passed over. */
export function readMediaSettings(body: JsonObject, prompt: string): MediaSettings {
  const given: JsonObject = { ...readMagicWords(prompt), ...(isObject(body.sandbox) ? body.sandbox : {}) };
  return {
    ms: Math.min(MOST_MS, Math.max(0, numberOf(given.ms) ?? USUAL_MS)),
    isAsync: given.async === true,
    refuse: Math.max(0, Math.floor(numberOf(given.refuse) ?? 0)),
    tellsUsage: given.usage !== "none",
    fail: MEDIA_FAILURES.find((failure) => failure === String(given.fail)),
  };
}

/** The prompt without the words that were for the sandbox. */
export const spokenPrompt = (prompt: string): string => prompt.replace(/\[\[sandbox[^\]]*\]\]/g, "").trim();
