import type { GenerationRequest } from "../../core/generation.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import type { StreamReader, Target, VendorAnswer, VendorCall } from "../adapter.ts";

/**
 * One operation of OpenAI's API, or of those that took its form, that is neither a chat nor an embedding: its call and
 * its answers. A vendor of the family lists those that it has (`Member.services`).
 */
export interface Service {
  /** Throws SluiceError for what cannot be expressed. */
  buildCall(request: GenerationRequest, target: Target): VendorCall;
  /** Never throws: anything that is not an answer is a failure. Absent: its answers always come as streams. */
  readAnswer?(request: GenerationRequest, body: Uint8Array, judge: Judge): VendorAnswer;
  /** Absent: it does not stream. */
  openStream?(request: GenerationRequest, judge: Judge): StreamReader;
}

/** The vendor's error in a parsed value that came with a 2xx; undefined when it tells of none. */
export type Judge = (value: unknown) => VendorFailure | undefined;

export const authorized = (
  { secret }: Target,
  contentType: string,
  accept: string,
): Readonly<Record<string, string>> => ({
  authorization: `Bearer ${secret}`,
  "content-type": contentType,
  accept,
});
