import type { CallObserver } from "../adapters/adapter.ts";
import type { CallSignal } from "../core/call-signal.ts";
import { NOT_YET, type NotYet } from "../core/poll.ts";
import type { VendorResponse } from "../core/vendor-response.ts";
import { type AnswerHead, headersOf } from "./answer-head.ts";
import type { AnswerSink } from "./answer-parser.ts";
import { PAUSE_BYTES, RESUME_BYTES } from "./limits.ts";
import type { OutgoingRequest } from "./request-head.ts";

/** Where an exchange takes place, while it does. */
export interface Carrier {
  pause(): void;
  resume(): void;
  /** The rest is of no use: the vendor learns of it at once. */
  drop(exchange: Exchange): void;
}

/**
 * One request and its answer. Holds what came of the body until it is read, and no more than the bound: beyond it the
 * connection is paused. What came before an error is read before the error.
 */
export class Exchange implements VendorResponse, AnswerSink {
  status = 0;
  /** The connection, or the place in the queue for one. */
  carrier: Carrier | undefined;
  /** It was sent anew once: it is not a second time. */
  isRetried = false;
  /** Some of an answer has come, be it unreadable. */
  hasBegun = false;
  /** The last byte of the request is with the operating system. */
  isSent = false;
  /** Nothing more comes: the answer is complete, or the exchange has failed. */
  isOver = false;
  /** Undefined once it is answered: it is not sent again, and a stream that runs for minutes need not hold its prompt twice. */
  request: OutgoingRequest | undefined;
  readonly #answer = Promise.withResolvers<VendorResponse>();
  #head: AnswerHead | undefined;
  #headers: Headers | undefined;
  /** What came and was not read: the first piece, and those behind it. */
  #first: Uint8Array | undefined;
  #rest: Uint8Array[] | undefined;
  #waitingBytes = 0;
  #isPaused = false;
  #failure: { readonly reason: unknown } | undefined;
  /** Told when there is something to poll for. */
  #waiting: (() => void) | undefined;
  /** Set: the whole body is waited for, and this is the most it may have. */
  #limit: number | undefined;
  #whole: PromiseWithResolvers<Uint8Array | undefined> | undefined;

  constructor(
    request: OutgoingRequest,
    readonly signal: CallSignal,
    readonly observer: CallObserver | undefined,
  ) {
    this.request = request;
    // Never removed: the signal is this call's alone, and goes with it.
    signal.addEventListener("abort", this);
  }

  /** Once its head is there. */
  get answered(): Promise<VendorResponse> {
    return this.#answer.promise;
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  get headers(): Headers {
    this.#headers ??= this.#head === undefined ? new Headers() : headersOf(this.#head);
    return this.#headers;
  }

  /** The call was aborted, at whatever point it is. */
  handleEvent(): void {
    if (this.isOver) return;
    this.#forget();
    this.fail(this.signal.reason, true);
  }

  head(head: AnswerHead): void {
    this.#head = head;
    this.request = undefined;
    this.status = head.status;
    this.#answer.resolve(this);
  }

  body(bytes: Uint8Array): void {
    if (this.#first === undefined) this.#first = bytes;
    else if (this.#rest === undefined) this.#rest = [bytes];
    else this.#rest.push(bytes);
    this.#waitingBytes += bytes.length;
    // Who waits takes it at once: a pause is for what stays.
    this.#wake();
    if (this.#limit !== undefined) {
      if (this.#waitingBytes > this.#limit) this.#tooLong();
    } else if (this.#waitingBytes > PAUSE_BYTES && !this.#isPaused) {
      this.#isPaused = true;
      this.carrier?.pause();
    }
  }

  /** The answer has come whole. */
  end(): void {
    if (this.isOver) return;
    this.#close();
    this.#whole?.resolve(this.#takeAll());
    this.#wake();
  }

  /** @param isOurs it was given up from here: the connection is dropped */
  fail(reason: unknown, isOurs = false): void {
    if (this.isOver) return;
    this.#failure = { reason };
    const { carrier } = this;
    this.#close();
    this.#answer.reject(reason);
    this.#whole?.reject(reason);
    if (isOurs) carrier?.drop(this);
    this.#wake();
  }

  poll(): Uint8Array | null | NotYet {
    const bytes = this.#first;
    if (bytes !== undefined) {
      // Many small pieces in one go: each costs those behind more than its copy.
      if (this.#rest !== undefined && this.#waitingBytes <= RESUME_BYTES) return this.#takeAll();
      this.#first = this.#rest?.shift();
      if (this.#rest?.length === 0) this.#rest = undefined;
      this.#waitingBytes -= bytes.length;
      if (this.#isPaused && this.#waitingBytes <= RESUME_BYTES) this.#resume();
      return bytes;
    }
    if (this.#failure !== undefined) throw this.#failure.reason;
    return this.isOver ? null : NOT_YET;
  }

  whenReady(run: () => void): void {
    this.#waiting = run;
  }

  bytes(limit: number): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    if (this.#failure !== undefined) throw this.#failure.reason;
    if (this.#waitingBytes > limit) {
      this.cancel();
      return undefined;
    }
    if (this.isOver) return this.#takeAll();
    this.#limit = limit;
    this.#whole = Promise.withResolvers();
    if (this.#isPaused) this.#resume();
    return this.#whole.promise;
  }

  cancel(): void {
    if (this.isOver) return;
    const { carrier } = this;
    this.#close();
    carrier?.drop(this);
    this.#wake();
  }

  #tooLong(): void {
    this.#whole?.resolve(undefined);
    this.#whole = undefined;
    this.#forget();
    this.cancel();
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    waiting();
  }

  #resume(): void {
    this.#isPaused = false;
    this.carrier?.resume();
  }

  #takeAll(): Uint8Array {
    const first = this.#first ?? EMPTY;
    const all = this.#rest === undefined ? first : Buffer.concat([first, ...this.#rest], this.#waitingBytes);
    this.#forget();
    return all;
  }

  /** What waits to be read, if anything does, is nobody's. */
  #forget(): void {
    this.#first = undefined;
    this.#rest = undefined;
    this.#waitingBytes = 0;
  }

  #close(): void {
    this.isOver = true;
    this.carrier = undefined;
  }
}

const EMPTY = new Uint8Array();
