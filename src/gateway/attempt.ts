import {
  type Adapter,
  servesNatively,
  type Target,
  type Transport,
  type VendorCall,
} from "../adapters/adapter.ts";
import type { Timeouts, VendorKey } from "../core/catalog.ts";
import { SluiceError } from "../core/errors.ts";
import type { GenerationRequest } from "../core/generation.ts";
import type { VendorId } from "../core/ids.ts";
import { MAX_ANSWER_BYTES, MAX_ERROR_BYTES, READER_STALL_MS } from "../core/limits.ts";
import type { VendorFailure } from "../core/vendor-failure.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import type { Route } from "./routes.ts";

/** Answers that say they are this small are read in one go, without counting. */
const SMALL_ANSWER_BYTES = 4 * 1024 * 1024;

/**
 * A call that was given up sooner than this, without any answer, may never have reached the vendor: a new connection
 * and the request's way take about as long. Longer would let clients leave the platform with the prompts of whole answers.
 */
const ON_ITS_WAY_MS = 250;

/** Why an attempt was ended from our side. */
export type Ended = "client" | "firstToken" | "idle" | "total";

/**
 * One call of one vendor with one key: owns the abort signal and the clocks of the call. Once `close` was
 * called nothing of it is left running.
 */
export class Attempt implements Deadline {
  dueAt: number;
  endedBy: Ended | undefined;
  #endedAt: number | undefined;
  #isAnswered = false;
  readonly startedAt: number;
  readonly #totalDueAt: number;
  readonly #abort = new AbortController();
  /** Told when a clock ran out while nobody was waiting for the vendor. */
  onReaderStalled: (() => void) | undefined;
  #phase: "firstToken" | "idle" | "reader" = "firstToken";

  constructor(
    readonly route: Route,
    readonly key: VendorKey,
    readonly deadlines: Deadlines,
    stream: boolean,
    /** The operator's, or shorter ones that the client asked for. */
    readonly timeouts: Timeouts = route.vendor.timeouts,
  ) {
    this.startedAt = deadlines.clock.monotonic();
    this.#totalDueAt = this.startedAt + timeouts.totalMs;
    this.dueAt = stream
      ? Math.min(this.startedAt + timeouts.firstTokenMs, this.#totalDueAt)
      : this.#totalDueAt;
    deadlines.arm(this);
  }

  /** The vendor is waited for; after its first content the idle clock counts. */
  awaitVendor(hasContent: boolean): void {
    if (!hasContent) return;
    this.#phase = "idle";
    this.limitTo(this.timeouts.idleMs);
  }

  /** Everything was handed out and the client is to read on: its slowness is not the vendor's. */
  awaitReader(): void {
    this.#phase = "reader";
    this.limitTo(READER_STALL_MS);
  }

  /** Nothing more than `ms` from now. */
  limitTo(ms: number): void {
    this.dueAt = Math.min(this.deadlines.clock.monotonic() + ms, this.#totalDueAt);
  }

  expire(): void {
    const phase = this.#phase;
    if (phase === "reader") {
      this.end("client");
      this.onReaderStalled?.();
      return;
    }
    this.end(this.deadlines.clock.monotonic() >= this.#totalDueAt ? "total" : phase);
  }

  /** Aborts the call; the first reason stays. */
  end(by: Ended): void {
    this.endedBy ??= by;
    this.#endedAt ??= this.deadlines.clock.monotonic();
    this.deadlines.disarm(this);
    this.#abort.abort();
  }

  /** The client's patience ran out before the operator's: nothing that is to be held against the vendor. */
  get wasImpatient(): boolean {
    const own = this.route.vendor.timeouts;
    if (this.endedBy === "firstToken") return this.timeouts.firstTokenMs < own.firstTokenMs;
    if (this.endedBy === "idle") return this.timeouts.idleMs < own.idleMs;
    return this.endedBy === "total" && this.timeouts.totalMs < own.totalMs;
  }

  /** False for a call of which nobody knows whether the vendor ever had it. */
  get hasReachedVendor(): boolean {
    const until = this.#endedAt ?? this.deadlines.clock.monotonic();
    return this.#isAnswered || until - this.startedAt >= ON_ITS_WAY_MS;
  }

  /** Drops the connection without blaming anyone: its bytes are of no more use. */
  abandon(): void {
    this.deadlines.disarm(this);
    this.#abort.abort();
  }

  close(): void {
    this.deadlines.disarm(this);
  }

  /** Sends the request. Answers the vendor's 2xx response or why there is none; never throws. */
  async open(
    request: GenerationRequest,
    cappedOutputTokens: number | undefined,
    network: Transport,
  ): Promise<Opened> {
    const { adapter } = this.route;
    let call: VendorCall;
    try {
      refuseForeign(adapter, request);
      call = adapter.buildCall(request, this.#target(cappedOutputTokens));
    } catch (thrown) {
      return { ok: false, failure: inexpressible(thrown) };
    }
    let response: Response;
    try {
      response = await (adapter.transport ?? network)(call, this.#abort.signal);
    } catch (thrown) {
      return { ok: false, failure: this.failureOf(thrown) };
    }
    this.#isAnswered = true;
    if (response.ok) return { ok: true, response, call };
    return { ok: false, failure: await this.#refusal(response, adapter) };
  }

  /** A whole answer's bytes. */
  async readAll(response: Response): Promise<Uint8Array | VendorFailure> {
    try {
      if (isSmall(response.headers)) return await response.bytes();
      return (await readUpTo(response, MAX_ANSWER_BYTES)) ?? tooLarge();
    } catch (thrown) {
      return this.failureOf(thrown);
    }
  }

  /** Classifies what the network threw: our own clocks, or a connection that failed. */
  failureOf(thrown: unknown): VendorFailure {
    if (this.endedBy !== undefined && this.endedBy !== "client")
      return timedOut(this.endedBy, this.route.vendor.id, this.timeouts);
    return {
      fault: "vendor",
      code: "vendor_unavailable",
      status: 0,
      vendorCode: codeOf(thrown),
      message: `The connection to ${this.route.vendor.id} failed.`,
    };
  }

  #target(cappedOutputTokens: number | undefined): Target {
    const { model, baseUrl, maxOutputTokens } = this.route;
    return {
      model: this.key.models?.[model] ?? model,
      baseUrl,
      secret: this.key.secret,
      maxOutputTokens,
      ...(cappedOutputTokens === undefined ? {} : { cappedOutputTokens }),
    };
  }

  async #refusal(response: Response, adapter: Adapter): Promise<VendorFailure> {
    const body = await readBounded(response).catch(() => "");
    if (this.endedBy !== undefined && this.endedBy !== "client")
      return timedOut(this.endedBy, this.route.vendor.id, this.timeouts);
    return adapter.classifyError(response.status, response.headers, body, this.key.secret);
  }
}

export type Opened =
  | { readonly ok: true; readonly response: Response; readonly call: VendorCall }
  | { readonly ok: false; readonly failure: VendorFailure };

export const isFailure = (value: Uint8Array | VendorFailure): value is VendorFailure =>
  !(value instanceof Uint8Array);

/** True for a call that was dropped from our side while the vendor had it: it may have read the prompt. */
export const wasAborted = ({ status, vendorCode }: VendorFailure): boolean =>
  status === 0 && vendorCode === "AbortError";

function timedOut(by: Exclude<Ended, "client">, id: VendorId, timeouts: Timeouts): VendorFailure {
  const words = {
    firstToken: `did not begin to answer within ${timeouts.firstTokenMs} ms`,
    idle: `sent nothing for ${timeouts.idleMs} ms`,
    total: `did not finish within ${timeouts.totalMs} ms`,
  } as const;
  return {
    fault: "vendor",
    code: "vendor_timeout",
    status: 0,
    vendorCode: by,
    message: `${id} ${words[by]}.`,
  };
}

/** What only a vendor of the client's own dialect can be asked is not asked of others. */
function refuseForeign(adapter: Adapter, request: GenerationRequest): void {
  const only = request.native?.only;
  if (only === undefined || servesNatively(adapter, request)) return;
  throw new SluiceError("unsupported_parameter", only.message, { param: only.param });
}

/**
 * The adapter cannot say this to its vendor; another one may. What no adapter could even read (JSON nested
 * beyond measure) is the request's own fault, and must not count against the vendor.
 */
function inexpressible(thrown: unknown): VendorFailure {
  if (!(thrown instanceof SluiceError)) {
    const message = "The request cannot be passed on; is it nested too deeply?";
    return { fault: "request", code: "invalid_request", status: 400, vendorCode: "unreadable", message };
  }
  const { code, message, detail } = thrown;
  const param = detail.param === undefined ? {} : { param: detail.param };
  return { fault: "config", code, status: 0, vendorCode: "inexpressible", message, ...param };
}

function tooLarge(): VendorFailure {
  return {
    fault: "vendor",
    code: "vendor_unavailable",
    status: 200,
    vendorCode: "answer_too_large",
    message: `The vendor's answer exceeded ${MAX_ANSWER_BYTES} bytes.`,
  };
}

/** Says that it is small, and means the bytes as they are: a compressed length tells nothing. */
function isSmall(headers: Headers): boolean {
  return (
    Number(headers.get("content-length") ?? Number.NaN) <= SMALL_ANSWER_BYTES &&
    !headers.has("content-encoding")
  );
}

/** The body, or undefined when it is longer than `limit`. */
async function readUpTo(response: Response, limit: number): Promise<Uint8Array | undefined> {
  if (response.body === null) return new Uint8Array();
  const sink = new Bun.ArrayBufferSink();
  sink.start({ asUint8Array: true });
  const reader = response.body.getReader();
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return sink.end() as Uint8Array; // asked for above
    length += value.byteLength;
    if (length > limit) {
      await reader.cancel();
      return undefined;
    }
    sink.write(value);
  }
}

/** The beginning of an error body: reasons stand there, and an endless one must not fill the memory. */
async function readBounded(response: Response): Promise<string> {
  if (response.body === null) return "";
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
    if (text.length >= MAX_ERROR_BYTES) {
      await reader.cancel();
      return text;
    }
  }
}

/** Bun's network errors carry a `code` such as ECONNREFUSED. */
function codeOf(thrown: unknown): string {
  if (typeof thrown !== "object" || thrown === null) return "unknown";
  const { code, name } = thrown as { code?: unknown; name?: unknown }; // only read, and checked below
  if (typeof code === "string") return code;
  return typeof name === "string" ? name : "unknown";
}
