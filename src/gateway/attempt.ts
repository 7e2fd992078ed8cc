import {
  type Adapter,
  type CallObserver,
  type CallStage,
  servesNatively,
  type Target,
  type Transport,
  type VendorCall,
} from "../adapters/adapter.ts";
import { CallAbort, type CallSignal } from "../core/call-signal.ts";
import type { Timeouts, VendorKey } from "../core/catalog.ts";
import { SluiceError } from "../core/errors.ts";
import type { GenerationRequest } from "../core/generation.ts";
import type { VendorId } from "../core/ids.ts";
import { MAX_ANSWER_BYTES, MAX_ERROR_BYTES, READER_STALL_MS } from "../core/limits.ts";
import { nextOf } from "../core/poll.ts";
import { hasLongCacheRate, pricedTiers } from "../core/price.ts";
import type { VendorFailure } from "../core/vendor-failure.ts";
import { type VendorResponse, vendorResponseOf } from "../core/vendor-response.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import type { Metered } from "./meter.ts";
import type { Route } from "./routes.ts";

/**
 * Where the transport does not tell whether a request has left: a call that was given up sooner than this, without any
 * answer, may never have reached the vendor. A new connection and the request's way take about as long. Longer would let
 * clients leave the platform with the prompts of whole answers.
 */
const ON_ITS_WAY_MS = 250;

/** Why an attempt was ended from our side. */
export type Ended = "client" | "connect" | "firstToken" | "idle" | "total";

/**
 * One call of one vendor with one key: owns the abort signal and the clocks of the call. Once `close` was
 * called nothing of it is left running.
 */
export class Attempt implements Deadline, CallObserver {
  dueAt: number;
  place = -1;
  endedBy: Ended | undefined;
  /** The most output tokens that were asked for of each choice, where it was less than the client asked for. */
  cappedOutputTokens: number | undefined;
  /** What its calls consumed, where it makes several (texts that are embedded). */
  spent: Metered | undefined;
  #endedAt: number | undefined;
  #isAnswered = false;
  /** How far the call is; undefined: its transport does not tell. */
  #stage: CallStage | undefined;
  readonly startedAt: number;
  readonly #totalDueAt: number;
  readonly #abort = new CallAbort();
  /** Told when a clock ran out while nobody was waiting for the vendor. */
  onReaderStalled: (() => void) | undefined;
  #phase: "connect" | "firstToken" | "idle" | "reader" = "firstToken";
  /** When the first token, or a whole answer, is to be there. */
  readonly #answerDueAt: number;

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
    this.#answerDueAt = stream
      ? Math.min(this.startedAt + timeouts.firstTokenMs, this.#totalDueAt)
      : this.#totalDueAt;
    this.dueAt = this.#answerDueAt;
    deadlines.arm(this);
  }

  /** While there is no connection, its clock counts beside the others. */
  reached(stage: CallStage): void {
    this.#stage = stage;
    if (stage === "connecting") {
      this.#phase = "connect";
      this.dueAt = Math.min(this.deadlines.clock.monotonic() + this.timeouts.connectMs, this.#answerDueAt);
    } else if (this.#phase === "connect") {
      this.#phase = "firstToken";
      this.dueAt = this.#answerDueAt;
    }
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

  /** Its end was said: the rest of its body is waited for a little, and nobody's slowness is seen in that. */
  awaitTail(ms: number): void {
    this.#phase = "idle";
    this.limitTo(ms);
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
    const now = this.deadlines.clock.monotonic();
    if (now >= this.#totalDueAt) this.end("total");
    else this.end(phase === "connect" && now >= this.#answerDueAt ? "firstToken" : phase);
  }

  /** Aborts the call; the first reason stays. */
  end(by: Ended): void {
    this.endedBy ??= by;
    this.#endedAt ??= this.deadlines.clock.monotonic();
    this.deadlines.disarm(this);
    this.#abort.abort();
  }

  /** Ends what the call waits for; for calls that are not made by `open`. */
  get signal(): CallSignal {
    return this.#abort;
  }

  /** The client's patience ran out before the operator's: nothing that is to be held against the vendor. */
  get wasImpatient(): boolean {
    const own = this.route.vendor.timeouts;
    if (this.endedBy === "connect") return this.timeouts.connectMs < own.connectMs;
    if (this.endedBy === "firstToken") return this.timeouts.firstTokenMs < own.firstTokenMs;
    if (this.endedBy === "idle") return this.timeouts.idleMs < own.idleMs;
    return this.endedBy === "total" && this.timeouts.totalMs < own.totalMs;
  }

  /** False for a call of which nobody knows whether the vendor ever had it. */
  get hasReachedVendor(): boolean {
    if (this.#isAnswered) return true;
    if (this.#stage !== undefined) return this.#stage === "sent";
    const until = this.#endedAt ?? this.deadlines.clock.monotonic();
    return until - this.startedAt >= ON_ITS_WAY_MS;
  }

  /** Drops the connection without blaming anyone: its bytes are of no more use. */
  abandon(): void {
    this.deadlines.disarm(this);
    this.#abort.abort();
  }

  close(): void {
    this.deadlines.disarm(this);
  }

  /**
   * Sends the request. Answers the vendor's 2xx response or why there is none; never throws. These are `callFor`, `send`
   * and `answeredBy` in one: whoever takes them by itself, as every request's first call does, is spared a promise.
   * @param asked makes the call that is sent; absent: the one that generates
   */
  async open(
    request: GenerationRequest,
    cappedOutputTokens: number | undefined,
    network: Transport,
    asked: Pick<Adapter, "buildCall"> = this.route.adapter,
  ): Promise<Opened> {
    const call = this.callFor(request, cappedOutputTokens, asked);
    if ("fault" in call) return { ok: false, failure: call };
    let answer: VendorResponse | Response;
    try {
      answer = await this.send(call, network);
    } catch (thrown) {
      return { ok: false, failure: this.failureOf(thrown) };
    }
    const answered = this.answeredBy(answer);
    if (answered instanceof Promise) return { ok: false, failure: await answered };
    return { ok: true, response: answered, call };
  }

  /** The call that says this request to the vendor, or why it cannot be said. */
  callFor(
    request: GenerationRequest,
    cappedOutputTokens: number | undefined,
    asked: Pick<Adapter, "buildCall"> = this.route.adapter,
  ): VendorCall | VendorFailure {
    this.cappedOutputTokens = cappedOutputTokens;
    try {
      refuseForeign(this.route.adapter, request);
      return asked.buildCall(request, this.target(cappedOutputTokens));
    } catch (thrown) {
      return inexpressible(thrown);
    }
  }

  /** Rejects, or throws, when there is no answer: `failureOf` tells why. */
  send(call: VendorCall, network: Transport): Promise<VendorResponse | Response> {
    return (this.route.adapter.transport ?? network)(call, this.#abort, this);
  }

  /** What was sent is answered: with a 2xx response, or a refusal that is to be read. */
  answeredBy(answer: VendorResponse | Response): VendorResponse | Promise<VendorFailure> {
    this.#isAnswered = true;
    const response = answer instanceof Response ? vendorResponseOf(answer) : answer;
    return response.ok ? response : this.#refusal(response, this.route.adapter);
  }

  /** A whole answer's bytes, at once where they are there. Neither throws nor rejects. */
  readAll(response: VendorResponse): Uint8Array | VendorFailure | Promise<Uint8Array | VendorFailure> {
    try {
      const body = response.bytes(MAX_ANSWER_BYTES);
      return body instanceof Promise ? this.#readLater(body) : (body ?? tooLarge());
    } catch (thrown) {
      return this.failureOf(thrown);
    }
  }

  async #readLater(body: Promise<Uint8Array | undefined>): Promise<Uint8Array | VendorFailure> {
    try {
      return (await body) ?? tooLarge();
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

  /** Where the call goes, as the adapter is told it. */
  target(cappedOutputTokens?: number): Target {
    const usual = usualTarget(this.route, this.key);
    return cappedOutputTokens === undefined ? usual : { ...usual, cappedOutputTokens };
  }

  async #refusal(response: VendorResponse, adapter: Adapter): Promise<VendorFailure> {
    const body = await readBounded(response).catch(() => "");
    if (this.endedBy !== undefined && this.endedBy !== "client")
      return timedOut(this.endedBy, this.route.vendor.id, this.timeouts);
    return adapter.classifyError(response.status, response.headers, body, this.key.secret);
  }
}

/** One for each route and key: most calls go where others went before. */
const usualTargets = new WeakMap<Route, WeakMap<VendorKey, Target>>();

function usualTarget(route: Route, key: VendorKey): Target {
  let targets = usualTargets.get(route);
  if (targets === undefined) {
    targets = new WeakMap();
    usualTargets.set(route, targets);
  }
  let target = targets.get(key);
  if (target === undefined) {
    target = targetOf(route, key);
    targets.set(key, target);
  }
  return target;
}

function targetOf({ model, baseUrl, maxOutputTokens, price }: Route, key: VendorKey): Target {
  const tiers = price === undefined ? undefined : pricedTiers(price.spec);
  return {
    model: key.models?.[model] ?? model,
    baseUrl,
    secret: key.secret,
    maxOutputTokens,
    ...(tiers === undefined ? {} : { pricedTiers: tiers }),
    ...(price !== undefined && hasLongCacheRate(price.spec) ? { hasLongCachePrice: true } : {}),
  };
}

export type Opened =
  | { readonly ok: true; readonly response: VendorResponse; readonly call: VendorCall }
  | { readonly ok: false; readonly failure: VendorFailure };

export const isFailure = (value: Uint8Array | VendorFailure): value is VendorFailure =>
  !(value instanceof Uint8Array);

/** True for a call that was dropped from our side while the vendor had it: it may have read the prompt. */
export const wasAborted = ({ status, vendorCode }: VendorFailure): boolean =>
  status === 0 && vendorCode === "AbortError";

function timedOut(by: Exclude<Ended, "client">, id: VendorId, timeouts: Timeouts): VendorFailure {
  const words = {
    connect: `could not be connected to within ${timeouts.connectMs} ms`,
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
export function inexpressible(thrown: unknown): VendorFailure {
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

/** The beginning of an error body: reasons stand there, and an endless one must not fill the memory. */
async function readBounded(response: VendorResponse): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const chunk = await nextOf(response);
    if (chunk === null) return text + decoder.decode();
    text += decoder.decode(chunk, { stream: true });
    if (text.length >= MAX_ERROR_BYTES) {
      response.cancel();
      return text;
    }
  }
}

/** Network errors carry a `code` such as ECONNREFUSED. */
function codeOf(thrown: unknown): string {
  if (typeof thrown !== "object" || thrown === null) return "unknown";
  const { code, name } = thrown as { code?: unknown; name?: unknown }; // only read, and checked below
  if (typeof code === "string") return code;
  return typeof name === "string" ? name : "unknown";
}
