import { type ErrorDetail, SluiceError, STATUS_OF_CODE } from "../core/errors.ts";

/** What an actor's host puts on the bus as an answer. A SluiceError travels whole, except for its cause. */
export type Envelope =
  | { readonly ok: true; readonly reply: unknown }
  | { readonly ok: false; readonly code: string; readonly message: string; readonly detail: ErrorDetail }
  /** The shard belongs to another node by now. */
  | { readonly ok: "moved" }
  /** It moved while the command ran: what it did outside may have happened. */
  | { readonly ok: "lost" };

export const MOVED: Envelope = { ok: "moved" };
export const LOST: Envelope = { ok: "lost" };

/** A refusal as it travels; the cause, which may hold anything, stays here. */
export function refusal(error: SluiceError): Envelope {
  const { cause: _, ...detail } = error.detail;
  return { ok: false, code: error.code, message: error.message, detail };
}

/** The SluiceError that the other side refused with; a code of a newer version becomes `internal_error`. */
export function errorOf(refused: Envelope & { readonly ok: false }): SluiceError {
  const code = Object.hasOwn(STATUS_OF_CODE, refused.code)
    ? (refused.code as keyof typeof STATUS_OF_CODE) // just checked
    : "internal_error";
  return new SluiceError(code, refused.message, refused.detail);
}
