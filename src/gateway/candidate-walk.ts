import type { SluiceError } from "../core/errors.ts";
import { shortened, type TimeoutWishes } from "../core/timeout-wishes.ts";
import type { VendorFailure } from "../core/vendor-failure.ts";
import { Attempt } from "./attempt.ts";
import type { Charge } from "./charge.ts";
import type { Deadlines } from "./deadlines.ts";
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

/** Goes through a request's candidates, each with its keys, from one that serves to the next. */
export class CandidateWalk {
  attempts = 0;
  /** The last one that was met. */
  failure: VendorFailure | undefined;
  #isStopped = false;
  #at = 0;
  readonly #startedAt: number;
  readonly #running = new Set<Attempt>();

  constructor(
    readonly ports: WalkPorts,
    readonly candidates: readonly Route[],
    readonly charge: Charge,
    readonly signal: AbortSignal | undefined,
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
    for (const attempt of this.#running) attempt.end("client");
  }

  /** The first candidate that serves, from where the walk stands; undefined when none does. */
  async next<Served extends object>(use: Use<Served>): Promise<Served | undefined> {
    while (this.hasNext) {
      const route = this.candidates[this.#at];
      this.#at += 1;
      const served = route === undefined ? undefined : await this.#tryRoute(route, use);
      if (served !== undefined) return served;
    }
    return undefined;
  }

  /** One place at the next candidate, for a call beside one that runs. Whoever takes it says `over` at its end. */
  async beside(): Promise<Lane | undefined> {
    const route = this.upcoming;
    if (route === undefined) return undefined;
    this.#at += 1;
    const ticket = await this.ports.desk.take(route, new Set());
    if (!ticket.ok) return undefined;
    if (this.isGone) {
      ticket.report({ ok: "unknown" });
      ticket.release();
      return undefined;
    }
    this.attempts += 1;
    const attempt = this.#attempt(route, ticket, true);
    this.#running.add(attempt);
    return { attempt, ticket };
  }

  /** A call beside another one is over, or runs as the only one. */
  over(attempt: Attempt): void {
    this.#running.delete(attempt);
  }

  /** Throws when the client has gone. */
  throwIfGone(use: Pick<Use<object>, "gone">, attempt?: Attempt): void {
    if (this.isGone || attempt?.endedBy === "client") throw use.gone(attempt);
  }

  /** Tries the route's keys one after the other; undefined: the next candidate shall try. */
  async #tryRoute<Served extends object>(route: Route, use: Use<Served>): Promise<Served | undefined> {
    const tried = new Set<string>();
    while (this.attempts < MOST_ATTEMPTS && !this.#isPatienceOver) {
      this.throwIfGone(use);
      const taking = this.ports.desk.take(route, tried);
      const ticket = taking instanceof Promise ? await taking : taking;
      if (!ticket.ok) {
        // A key that failed tells more than there being no further one.
        this.failure ??= ticket.failure;
        return undefined;
      }
      tried.add(ticket.key.id);
      const result = await this.#call(route, ticket, use);
      if (!("fault" in result)) return result;
      this.failure = result;
      if (result.fault === "request" && use.refused !== undefined) throw use.refused(result);
      // Another key helps where the key or its account is at fault, not where the vendor is.
      if (result.fault !== "key" && result.fault !== "account") return undefined;
    }
    return undefined;
  }

  async #call<Served extends object>(
    route: Route,
    ticket: Ticket,
    use: Use<Served>,
  ): Promise<Served | VendorFailure> {
    if (this.isGone) {
      ticket.report({ ok: "unknown" });
      ticket.release();
      throw use.gone(undefined);
    }
    this.attempts += 1;
    const attempt = this.#attempt(route, ticket, use.stream);
    const stop = () => this.stop();
    this.#running.add(attempt);
    this.signal?.addEventListener("abort", stop, { once: true });
    try {
      const result = await use.call(attempt, ticket);
      if ("fault" in result) this.failed({ attempt, ticket }, result);
      return result;
    } catch (thrown) {
      ticket.report({ ok: "unknown" });
      attempt.abandon();
      ticket.release();
      throw thrown;
    } finally {
      this.signal?.removeEventListener("abort", stop);
      this.#running.delete(attempt);
    }
  }

  #attempt(route: Route, { key }: Ticket, stream: boolean): Attempt {
    const { deadlines } = this.ports;
    const timeouts = shortened(route.vendor.timeouts, this.patience, this.#elapsedMs);
    return new Attempt(route, key, deadlines, stream, timeouts);
  }

  /** Writes the failure down and gives back what the call held. */
  failed({ attempt, ticket }: Lane, failure: VendorFailure): void {
    const { route } = attempt;
    const { fault, code } = failure;
    this.charge.noteAttempt(attempt, "failed", failure);
    this.ports.telemetry.attemptFailed({ vendor: route.vendor.id, model: route.model, fault, code });
    ticket.report(attempt.wasImpatient ? { ok: "unknown" } : { ok: false, failure });
    attempt.abandon();
    ticket.release();
  }
}
