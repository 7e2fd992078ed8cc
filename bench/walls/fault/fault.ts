import type { ErrorCode } from "../../../src/core/errors.ts";
import { CALL, TOLD, WORDS } from "./answers.ts";
import type { Stage } from "./stage.ts";
import type { Answer, Feature, Told, Wire } from "./wires/wire.ts";

/** One thing that a vendor does wrong, and what must come of it. */
export interface Fault {
  /** What the vendor's model is called. */
  readonly name: string;
  /** In words, for the table. */
  readonly what: string;
  /** What it has to say; absent: the usual words, told once. */
  readonly answer?: Answer;
  /** It does not happen on a wire without this. */
  readonly needs?: Feature;
  /** Absent where it cannot happen. */
  readonly stream?: Side;
  readonly whole?: Side;
  /** Times that each client asks, one after the other; absent: once. */
  readonly rounds?: number;
}

export interface Side {
  readonly play: (stage: Stage) => Promise<void> | void;
  readonly expect: Expectation | ((wire: Wire) => Expectation);
}

export type Mode = "stream" | "whole";

export type Expectation = Refused | Whole | Broken | Unmarked | Either;

/** Nothing of the answer went out: the client is told why and pays nothing; a second vendor answers instead. */
export interface Refused {
  readonly kind: "refused";
  readonly code: ErrorCode;
  readonly status: number;
  /** It is the request's own fault: no other vendor is asked. */
  readonly isFinal?: boolean;
}

/** The answer is whole. */
export interface Whole {
  readonly kind: "whole";
  /**
   * `estimated`: by what was delivered, beside what was told before. `doubted`: the vendor's last word is not believed, and
   * what it told before stands for the prompt alone.
   */
  readonly usage: "told" | "estimated" | "doubted";
}

/** It broke off when something had gone out: a second vendor goes on, without one the client is told. */
export interface Broken {
  readonly kind: "broken";
  readonly outcome: "truncated" | "failed";
  readonly code: ErrorCode;
  /** Tokens that went out. */
  readonly delivered: number;
  /** False: what went out is never spliced. */
  readonly isTakeable: boolean;
}

/**
 * Everything was said but the end marker. That alone makes a normal end; where a second vendor could have gone on, the
 * finish reason is enough.
 */
export interface Unmarked {
  readonly kind: "unmarked";
  readonly usage: "told" | "estimated";
}

/** One of these, each with its own charge. */
export interface Either {
  readonly kind: "either";
  readonly of: readonly (Refused | Whole)[];
}

export const USUAL: Answer = { words: WORDS, usage: [TOLD] };
export const CALLING: Answer = { words: [], call: CALL, usage: [TOLD] };
export const telling = (...usage: readonly Told[]): Answer => ({ words: WORDS, usage });

export const unavailable: Refused = { kind: "refused", code: "vendor_unavailable", status: 502 };
export const tooSlow: Refused = { kind: "refused", code: "vendor_timeout", status: 504 };
export const limited: Refused = { kind: "refused", code: "rate_limit_exceeded", status: 429 };
export const invalid: Refused = { kind: "refused", code: "invalid_request", status: 400, isFinal: true };
export const whole: Whole = { kind: "whole", usage: "told" };
export const estimated: Whole = { kind: "whole", usage: "estimated" };
export const doubted: Whole = { kind: "whole", usage: "doubted" };
export const unmarked = (usage: Unmarked["usage"]): Unmarked => ({ kind: "unmarked", usage });
export const eitherOf = (...of: Either["of"]): Either => ({ kind: "either", of });
export const truncated = (delivered: number, isTakeable = true): Broken => ({
  kind: "broken",
  outcome: "truncated",
  code: "stream_truncated",
  delivered,
  isTakeable,
});
/** Where the end, its reason and usage are one frame, everything before it leaves all of them unsaid. */
export const beforeEnd =
  (expect: (wire: Wire) => Expectation) =>
  (wire: Wire): Expectation =>
    wire.lacks?.includes("finish by itself") === true ? truncated(WORDS.length) : expect(wire);
export const failed = (delivered: number): Broken => ({
  kind: "broken",
  outcome: "failed",
  code: "vendor_unavailable",
  delivered,
  isTakeable: true,
});

/** The bytes of `text` up to the middle of its first character of `bytes` bytes; its first half where there is none. */
export function untilInside(text: string, character: string): Uint8Array {
  const bytes = Buffer.from(text);
  const at = bytes.indexOf(character);
  return bytes.subarray(0, at < 0 ? bytes.length >> 1 : at + (Buffer.byteLength(character) >> 1));
}

export const firstHalf = (text: string): Uint8Array => {
  const bytes = Buffer.from(text);
  return bytes.subarray(0, bytes.length >> 1);
};
