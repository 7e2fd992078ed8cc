import type { ErrorCode } from "./errors.ts";

/**
 * Why a vendor did not answer, classified by the adapter (body code first, then status), and whose fault
 * it is: that decides what happens next.
 * - `request`: no other vendor would take it either; handed to the client, nobody is blamed.
 * - `key`: this key is unusable (wrong, no right, no money): it is set aside, another key or candidate tries.
 * - `account`: a rate limit of the vendor's: wait or go elsewhere.
 * - `vendor`: the vendor is broken or slow: go elsewhere, count it against its health.
 * - `config`: the model name or endpoint is wrong at this vendor: go elsewhere, show the operator.
 */
export interface VendorFailure {
  readonly fault: "request" | "key" | "account" | "vendor" | "config";
  /** What the client is told if nobody else can serve. */
  readonly code: ErrorCode;
  /** HTTP status of the vendor; 0 when there was no answer. */
  readonly status: number;
  /** The vendor's own code or type, for logs and `explain`. */
  readonly vendorCode?: string;
  /** The vendor's words with every key scrubbed, bounded in length. */
  readonly message: string;
  readonly param?: string;
  /** As the vendor asked, not yet capped. */
  readonly retryAfterMs?: number;
}
