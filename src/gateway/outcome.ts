import { SluiceError } from "../core/errors.ts";
import type { Outcome } from "../core/generation.ts";
import type { VendorFailure } from "../core/vendor-failure.ts";

/** How the bytes of a vendor's stream came to their end. */
export type StreamEnd =
  /** The vendor's own end marker was seen. */
  | { readonly by: "marker" }
  /** The connection closed or broke before it. */
  | { readonly by: "cut" }
  /** One of our clocks ran out. */
  | { readonly by: "clock"; readonly failure: VendorFailure }
  /** The vendor said in the stream that it failed. */
  | { readonly by: "failure"; readonly failure: VendorFailure }
  /** The client went away or asked to stop. */
  | { readonly by: "client" }
  /** This node stopped. */
  | { readonly by: "node" };

/** Ends of which nothing more is to be said: made once. */
export const MARKED: StreamEnd = { by: "marker" };
export const CUT_OFF: StreamEnd = { by: "cut" };
export const BY_CLIENT: StreamEnd = { by: "client" };
export const BY_NODE: StreamEnd = { by: "node" };

/** Only the vendor's own end marker makes a normal end. */
export function outcomeOf(end: StreamEnd): Outcome {
  switch (end.by) {
    case "marker":
      return "completed";
    case "cut":
    case "clock":
    case "node":
      return "truncated";
    case "failure":
      return "failed";
    case "client":
      return "cancelled";
  }
}

/** What the client is told in the stream's last event; nothing for a normal end. */
export function errorOf(end: StreamEnd): SluiceError | undefined {
  switch (end.by) {
    case "marker":
      return undefined;
    case "cut":
      return new SluiceError("stream_truncated", "The vendor's stream ended before the answer was complete.");
    case "clock":
      return new SluiceError("stream_truncated", `The answer is incomplete: ${end.failure.message}`);
    case "node":
      return new SluiceError("stream_truncated", "The answer is incomplete: this node stopped.");
    case "failure":
      return new SluiceError(end.failure.code, end.failure.message);
    case "client":
      return new SluiceError("request_cancelled", "The generation was cancelled.");
  }
}
