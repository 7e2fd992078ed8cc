import { SluiceError } from "../core/errors.ts";
import { MAX_RETRY_AFTER_MS } from "../core/limits.ts";
import type { VendorFailure } from "../core/vendor-failure.ts";

/** Nobody served: what the client is told, by the last failure that was met. */
export function givenUp({
  failure,
  attempts,
}: {
  readonly failure: VendorFailure | undefined;
  readonly attempts: number;
}): SluiceError {
  if (failure === undefined) return new SluiceError("vendor_unavailable", "No vendor could be tried.");
  // What this vendor cannot express, though the request may be right: no other candidate could either.
  if (failure.code === "unsupported_parameter") return refused(failure);
  // A vendor that refuses our key or our model is our trouble, never to be read as the client's.
  const code = failure.fault === "key" || failure.fault === "config" ? "vendor_unavailable" : failure.code;
  const message =
    failure.fault === "key" ? "The vendor refused the platform's credentials." : failure.message;
  // The vendor's word for its key is not kept for longer, so no client is sent away for longer.
  const retryAfterMs = failure.retryAfterMs && Math.min(failure.retryAfterMs, MAX_RETRY_AFTER_MS);
  return new SluiceError(code, message, {
    attempts,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** The vendor refused what the client sent: its words and its status are the answer. */
export function refused(failure: VendorFailure): SluiceError {
  const { code, message, param, status } = failure;
  const isClientStatus = status >= 400 && status < 500;
  return new SluiceError(code, message, {
    ...(param === undefined ? {} : { param }),
    ...(isClientStatus ? { status } : {}),
  });
}
