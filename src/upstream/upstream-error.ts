/** What can go wrong between here and a vendor's server, beside what the system says (`ECONNREFUSED`, …). */
export type UpstreamErrorCode =
  /** The connection closed before the answer began. */
  | "connection_closed"
  /** It closed, or was reset, within the answer's body. */
  | "body_cut"
  /** The answer is not HTTP/1.1 as it must be. */
  | "malformed_answer"
  /** Its head, or what frames its body, is larger than any should be. */
  | "oversized_head"
  /** Its body is coded (`content-encoding`), though we asked for it as it is. */
  | "unexpected_encoding"
  /** The request cannot be written: its address or one of its fields is not HTTP. */
  | "invalid_call"
  | "too_many_connections"
  | "connect_timeout"
  | "upstream_closed";

/** A call that came to nothing, or to no more. `code` is an UpstreamErrorCode or the system's (also TLS's) own. */
export class UpstreamError extends Error {
  override readonly name = "UpstreamError";

  constructor(
    readonly code: UpstreamErrorCode | (string & {}),
    message: string,
  ) {
    super(message);
  }
}

/** What the system said, as an error of ours; `code` when it said nothing. */
export function networkError(
  thrown: Error | null | undefined,
  code: UpstreamErrorCode,
  message: string,
): UpstreamError {
  const own = (thrown as { readonly code?: unknown } | null | undefined)?.code; // only read, and checked below
  return new UpstreamError(typeof own === "string" ? own : code, message);
}
