import { SluiceError } from "../../core/errors.ts";
import type { Outcome } from "../../core/generation.ts";
import { MOST_ANSWERS } from "./limits.ts";

/** RFC 6455, section 7.4.1. */
export const NORMAL = 1000;
export const GOING_AWAY = 1001;
export const NO_CODE = 1005;
export const LOST = 1006;
export const POLICY = 1008;
export const INTERNAL = 1011;
export const RESTARTING = 1012;
export const TOO_SLOW = 1013;

/** How a conversation ended, for the client. */
export interface ConversationEnd {
  readonly code: number;
  readonly reason: string;
  readonly error?: SluiceError;
}

export interface Ending extends ConversationEnd {
  readonly outcome: Outcome;
  readonly errorCode: string | null;
  /** It was the client's doing: it pays the prompt of answers that it asked for, though they have not begun. */
  readonly isClients?: true;
}

/** An end that the client is told by an error; its code is the reason of the close. */
export function endedBy(outcome: Outcome, code: number, error: SluiceError): Ending {
  return { outcome, code, reason: error.code, errorCode: error.code, error };
}

/** The client has done what it may not, or has no points for more. */
export const clientsFault = (code: number, error: SluiceError): Ending => ({
  ...endedBy("truncated", code, error),
  isClients: true,
});

export const unsupported = (param: string): SluiceError =>
  new SluiceError("unsupported_parameter", `'${param}' is not served in a conversation with what is in it.`, {
    param,
  });

export const vendorFailed = (message: string): Ending =>
  endedBy("truncated", INTERNAL, new SluiceError("stream_truncated", message));

export const SLOW = clientsFault(
  TOO_SLOW,
  new SluiceError("request_cancelled", "The client reads too slowly."),
);
export const TOO_FAST = clientsFault(
  TOO_SLOW,
  new SluiceError("request_cancelled", "More was sent than can wait until it is paid for."),
);
export const TOO_MANY_ANSWERS = clientsFault(
  POLICY,
  new SluiceError("rate_limit_exceeded", `At most ${MOST_ANSWERS} answers may be under way at once.`),
);
export const TOO_LONG = endedBy(
  "truncated",
  GOING_AWAY,
  new SluiceError("stream_truncated", "A conversation lasts at most 60 minutes."),
);
export const IDLE = endedBy(
  "truncated",
  GOING_AWAY,
  new SluiceError("stream_truncated", "Nothing was said for 10 minutes."),
);
export const INTERRUPTED = endedBy(
  "truncated",
  RESTARTING,
  new SluiceError("stream_truncated", "The node is stopping; connect again."),
);
