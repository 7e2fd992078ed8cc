import type { MediaRequest } from "../../core/media.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import type { JobState, MediaAnswer, RunningJob } from "../media-adapter.ts";

/** A key of realistic length; its pieces must not come back out of any state. Stands for `$KEY` in fixtures' bodies. */
export const MEDIA_SECRET = "sk-test-0123456789abcdefghijKLMNOPQRSTUVwxyz";

/** The beginning of a picture, as it stands in JSON: by it a picture is known. */
export const INLINE_PNG = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10, 0]);
export const BASE64_PNG = INLINE_PNG.toString("base64");

/** What a vendor said, and what it means. */
export interface MediaExchange {
  readonly name: string;
  /** `recorded`: the shape of a real answer; `constructed`: made from documentation. */
  readonly origin: "recorded" | "constructed";
  readonly step: "submitted" | "polled" | "found";
  /** Asked for; absent: `pictureRequest()`. */
  readonly request?: MediaRequest;
  /** Asked about, in `polled`; absent: a job with the id `job-1`. */
  readonly job?: RunningJob;
  readonly answer: SaidAnswer;
  /** Held against the state by `toMatchObject`. */
  readonly expected: { readonly kind: JobState["kind"] | "unknown"; readonly [field: string]: unknown };
}

export interface SaidAnswer {
  /** Absent: 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is written as JSON. */
  readonly body: string | Uint8Array | object;
}

/** A row of the vendor's error table. */
export interface MediaErrorFixture extends SaidAnswer {
  readonly name: string;
  readonly origin: "recorded" | "constructed";
  /** Where it comes; absent: as the answer to a submission. */
  readonly step?: "submitted" | "polled";
  readonly request?: MediaRequest;
  readonly fault: VendorFailure["fault"];
  readonly code: VendorFailure["code"];
  readonly retryAfterMs?: number;
  /** Absent: it did not. */
  readonly mayHaveRun?: boolean;
}

export interface MediaFixtures {
  readonly exchanges: readonly MediaExchange[];
  readonly errors: readonly MediaErrorFixture[];
}

/** A picture asked for by words; `changes` make it another request. */
export const pictureRequest = (changes: Partial<MediaRequest> = {}): MediaRequest => ({
  operation: "image",
  model: "public-model",
  prompt: "a cat",
  inputs: [],
  count: 1,
  options: {},
  ...changes,
});

/** A picture to be changed. */
export const editRequest = (changes: Partial<MediaRequest> = {}): MediaRequest =>
  pictureRequest({
    operation: "image_edit",
    inputs: [{ kind: "url", url: "https://pictures.test/cat.png" }],
    ...changes,
  });

export function mediaAnswer({ status = 200, headers = {}, body }: SaidAnswer): MediaAnswer {
  const isJson = typeof body !== "string" && !(body instanceof Uint8Array);
  const text = isJson ? JSON.stringify(body) : body;
  return {
    status,
    headers: new Headers({ ...(isJson ? { "content-type": "application/json" } : {}), ...headers }),
    body: typeof text === "string" ? Buffer.from(text.replaceAll("$KEY", MEDIA_SECRET)) : text,
    secret: MEDIA_SECRET,
  };
}
