import { SluiceError } from "../core/errors.ts";

/** What clients are told by a node that stops: nothing is lost, and another one answers. */
export const stopping = (): SluiceError =>
  new SluiceError("overloaded", "This node is stopping. Try again: another one will answer.", {
    retryAfterMs: 1_000,
  });
