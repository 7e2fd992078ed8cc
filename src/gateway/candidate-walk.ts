import type { CallSignal } from "../core/call-signal.ts";
import type { SluiceError } from "../core/errors.ts";
import { shortened, type TimeoutWishes } from "../core/timeout-wishes.ts";
import type { VendorFailure } from "../core/vendor-failure.ts";
import { Attempt } from "./attempt.ts";
import type { Charge } from "./charge.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import type { Lane } from "./hedge/lane.ts";
import type { Route } from "./routes.ts";
import type { Telemetry } from "./telemetry.ts";
import type { Ticket, VendorDesk } from "./vendor-desk.ts";

export interface WalkPorts {
  readonly desk: VendorDesk;
  readonly deadlines: Deadlines;
  readonly telemetry: Telemetry;
}

/** What is to be done with a candidate. */
export interface Use<Served extends object> {
  readonly stream: boolean;
  /** One call. Who serves keeps the ticket and gives it back; a failure's is given back by the walk. */
  call(attempt: Attempt, ticket: Ticket): Promise<Served | VendorFailure>;
  /** The client has gone: settles what there is to settle and answers what is thrown. */
  gone(attempt: Attempt | undefined): SluiceError;
  /** What is thrown when a vendor refuses the request as such; absent: the next candidate is tried. */
  refused?(failure: VendorFailure): SluiceError;
}

/** Vendor calls that one request may cause at most, over all candidates and keys. */
const MOST_ATTEMPTS = 6;

const NO_KEYS: ReadonlySet<string> = new Set();
const NOBODY: readonly Attempt[] = [];

/**
 * Goes through a request's candidates, each with its keys, from one that serves to the next. Its client's signal is
 * listened to from the first look at the node's deadlines on (within 50 ms): a listener costs 2 µs, and most of what is
 * answered sooner has nobody who leaves.
 */
export class CandidateWalk implements Deadline, EventListenerObject {
  attempts = 0;
  /** For `deadlines`: at once. */
  readonly dueAt = 0;
  place = -1;
  /** The last one that was met. */
  failure: VendorFailure | undefined;
  #isStopped = false;
  #isListening = false;
  #at = 0;
  readonly #startedAt: number;
  #running: Attempt | undefined;
  /** Those that run beside it, which is seldom. Replaced by another list, never changed. */
  #others: readonly Attempt[] | undefined;

  constructor(
    readonly ports: WalkPorts,
    readonly candidates: readonly Route[],
    readonly charge: Charge,
    readonly signal: CallSignal | undefined,
    readonly patience?: TimeoutWishes,
  ) {
    this.#startedAt = ports.deadlines.clock.monotonic();
  }

  get hasNext(): boolean {
    return this.#at < this.candidates.length && this.attempts < MOST_ATTEMPTS && !this.#isPatienceOver;
  }

  get #elapsedMs(): number {
    return this.ports.deadlines.clock.monotonic() - this.#startedAt;
  }

  get #isPatienceOver(): boolean {
    return this.patience?.totalMs !== undefined && this.#elapsedMs >= this.patience.totalMs;
  }

  /** Whom it comes to next. */
  get upcoming(): Route | undefined {
    return this.hasNext ? this.candidates[this.#at] : undefined;
  }

  get isGone(): boolean {
    return this.#isStopped || this.signal?.aborted === true;
  }

  /** Ended from outside: by the client's leaving or the node's stopping. */
  stop(): void {
    this.#isStopped = true;
    // Read first: one that ends may be taken out meanwhile.
    const others = this.#others ?? NOBODY;
    this.#running?.end("client");
    for (const attempt of others) attempt.end("client");
  }

  /** The walk takes a while: from now on it hears at once when its client leaves. */
  expire(): void {
    const { signal } = this;
    if (signal === undefined) return;
    if (signal.aborted) this.stop();
    else {
      this.#isListening = true;
      signal.addEventListener("abort", this);
    }
  }

  /** The client has gone: whatever is under way ends. */
  handleEvent(): void {
    this.stop();
  }

  /**
   * The first candidate that serves, from where the walk stands; undefined when none does. One function, since each
   * further one that waits costs every request 0.3 µs: candidates in turn, and the keys of each in turn.
   */
  async next<Served extends object>(use: Use<Served>): Promise<Served | undefined> {
    if (this.signal !== undefined) this.ports.deadlines.arm(this);
    try {
      for (;;) {
        const route = this.upcoming;
        if (route === undefined) return undefined;
        this.#at += 1;
        let tried: Set<string> | undefined;
        while (this.attempts < MOST_ATTEMPTS && !this.#isPatienceOver) {
          this.throwIfGone(use);
          const taking = this.ports.desk.take(route, tried ?? NO_KEYS);
          const ticket = taking instanceof Promise ? await taking : taking;
          if (!ticket.ok) {
            // A key that failed tells more than there being no further one.
            this.failure ??= ticket.failure;
            break;
          }
          const attempt = this.#begin(route, ticket, use);
          let result: Served | VendorFailure;
          try {
            result = await use.call(attempt, ticket);
          } catch (thrown) {
            this.#dropped(attempt, ticket);
            throw thrown;
          }
          this.over(attempt);
          if (!("fault" in result)) return result;
          this.failed({ attempt, ticket }, result);
          this.failure = result;
          if (result.fault === "request" && use.refused !== undefined) throw use.refused(result);
          // Another key helps where the key or its account is at fault, not where the vendor is.
          if (result.fault !== "key" && result.fault !== "account") break;
          tried ??= new Set();
          tried.add(ticket.key.id);
        }
      }
    } finally {
      this.ports.deadlines.disarm(this);
      if (this.#isListening) this.signal?.removeEventListener("abort", this);
      this.#isListening = false;
    }
  }

  /** One place at the next candidate, for a call beside one that runs. Whoever takes it says `over` at its end. */
  async beside(): Promise<Lane | undefined> {
    const route = this.upcoming;
    if (route === undefined) return undefined;
    this.#at += 1;
    const ticket = await this.ports.desk.take(route, NO_KEYS);
    if (!ticket.ok) return undefined;
    if (this.isGone) {
      ticket.report({ ok: "unknown" });
      ticket.release();
      return undefined;
    }
    this.attempts += 1;
    const attempt = this.#attempt(route, ticket, true);
    this.#runs(attempt);
    return { attempt, ticket };
  }

  /** A call beside another one is over, or runs as the only one. */
  over(attempt: Attempt): void {
    if (this.#running === attempt) this.#running = undefined;
    else if (this.#others !== undefined) this.#others = this.#others.filter((other) => other !== attempt);
  }

  /** Throws when the client has gone. */
  throwIfGone(use: Pick<Use<object>, "gone">, attempt?: Attempt): void {
    if (this.isGone || attempt?.endedBy === "client") throw use.gone(attempt);
  }

  /** The call's attempt; the client may have gone while its ticket was waited for. */
  #begin(route: Route, ticket: Ticket, use: Pick<Use<object>, "stream" | "gone">): Attempt {
    if (this.isGone) {
      ticket.report({ ok: "unknown" });
      ticket.release();
      throw use.gone(undefined);
    }
    this.attempts += 1;
    const attempt = this.#attempt(route, ticket, use.stream);
    this.#runs(attempt);
    return attempt;
  }

  /** The call ended by what was thrown, which says nothing about its vendor. */
  #dropped(attempt: Attempt, ticket: Ticket): void {
    this.over(attempt);
    ticket.report({ ok: "unknown" });
    attempt.abandon();
    ticket.release();
  }

  #runs(attempt: Attempt): void {
    if (this.#running === undefined) this.#running = attempt;
    else this.#others = [...(this.#others ?? []), attempt];
  }

  #attempt(route: Route, { key }: Ticket, stream: boolean): Attempt {
    const { deadlines } = this.ports;
    const own = route.vendor.timeouts;
    const timeouts = this.patience === undefined ? own : shortened(own, this.patience, this.#elapsedMs);
    return new Attempt(route, key, deadlines, stream, timeouts);
  }

  /** Writes the failure down and gives back what the call held. */
  failed({ attempt, ticket }: Lane, failure: VendorFailure): void {
    const { route } = attempt;
    const { fault, code } = failure;
    this.charge.noteAttempt(attempt, "failed", failure, attempt.spent);
    this.ports.telemetry.attemptFailed({ vendor: route.vendor.id, model: route.model, fault, code });
    ticket.report(attempt.wasImpatient ? { ok: "unknown" } : { ok: false, failure });
    attempt.abandon();
    ticket.release();
  }
}
