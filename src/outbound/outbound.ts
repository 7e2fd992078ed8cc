import { SluiceError } from "../core/errors.ts";

/**
 * Fetches what somebody else has named: a client's picture, a vendor's result, the target of a webhook. Only what is
 * on the open internet is reached, or what the operator allows.
 */
export interface Outbound {
  /**
   * Sends one request, and follows redirects, each checked like the first. Resolves with the headers; the body is read
   * by the caller, who cancels it when it is not wanted, and fails with OutboundError past its bounds.
   * @throws OutboundError
   */
  fetch(call: OutboundCall): Promise<OutboundAnswer>;
}

export interface OutboundCall {
  readonly url: string;
  /** Absent: GET. */
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** How many redirects are followed; absent: `MOST_REDIRECTS`. 0: a redirect is answered as it came. */
  readonly redirects?: number;
  /** Of the answer's body. */
  readonly mostBytes: number;
  /** From the call to the body's last byte. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** A vendor's configured `baseUrl`: its host and port are the operator's word, and may be inside. */
  readonly trusted?: string;
}

export interface OutboundAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array>;
}

/**
 * `url`: not http or https, with credentials, or none at all. `forbidden`: an address or port that may not be reached.
 * `unresolved`, `unreachable`: no address, no connection. `size`, `time`, `redirects`: a bound. `encoding`: compressed,
 * though it was not asked for.
 */
export type OutboundReason =
  | "url"
  | "forbidden"
  | "unresolved"
  | "unreachable"
  | "size"
  | "time"
  | "redirects"
  | "encoding"
  | "cancelled";

/** Why something was not fetched. The message is fit for a client: where it leads to is not in it. */
export class OutboundError extends Error {
  override readonly name = "OutboundError";

  constructor(
    readonly reason: OutboundReason,
    options: { readonly cause?: unknown } = {},
  ) {
    super(MESSAGES[reason], options);
  }

  /** As a client is told whose field named it. */
  forClient(param?: string): SluiceError {
    const detail = { cause: this, ...(param === undefined ? {} : { param }) };
    if (this.reason === "cancelled") return new SluiceError("request_cancelled", this.message, detail);
    const code = this.reason === "size" ? "payload_too_large" : "invalid_request";
    return new SluiceError(code, this.message, detail);
  }
}

/** Three reasons share their words: apart, they would tell which names and doors there are inside. */
const NOT_REACHED = "The URL cannot be fetched: its host cannot be reached from here.";
const MESSAGES: Readonly<Record<OutboundReason, string>> = {
  url: "The URL cannot be fetched: it must begin with http:// or https:// and hold no name or password.",
  forbidden: NOT_REACHED,
  unresolved: NOT_REACHED,
  unreachable: NOT_REACHED,
  size: "What is behind the URL is too large.",
  time: "The URL cannot be fetched: it took too long.",
  redirects: "The URL cannot be fetched: it redirects too often.",
  encoding: "The URL cannot be fetched: it answers in an encoding that was not asked for.",
  cancelled: "The fetch was cancelled.",
};
