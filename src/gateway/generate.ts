import type { Transport } from "../adapters/adapter.ts";
import { asSluiceError, SluiceError } from "../core/errors.ts";
import type { GenerationRequest } from "../core/generation.ts";
import { randomText, streamId } from "../core/ids.ts";
import type { Random } from "../core/random.ts";
import type { VendorFailure } from "../core/vendor-failure.ts";
import { type Admission, type AdmissionPorts, admit } from "./admission.ts";
import { Attempt, isFailure, wasAborted } from "./attempt.ts";
import { Charge, type ChargePorts } from "./charge.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Explanations } from "./explain.ts";
import type { Caller, GenerateOptions, Generation, Started } from "./gateway.ts";
import { meter, NOTHING_DELIVERED } from "./meter.ts";
import { type Ranked, rank } from "./router.ts";
import { pricedBy, type Route, type Routes } from "./routes.ts";
import { StreamRun } from "./stream-run.ts";
import type { Ticket, VendorDesk } from "./vendor-desk.ts";
import { failureBeforeContent, VendorStream } from "./vendor-stream.ts";

export interface GeneratePorts extends ChargePorts {
  readonly random: Random;
  readonly deadlines: Deadlines;
  readonly network: Transport;
  readonly admission: AdmissionPorts;
  readonly desk: VendorDesk;
  readonly explanations: Explanations;
  /** The routes of this moment: a reload replaces them, a running request keeps its own. */
  routes(): Routes;
}

/** Vendor calls that one request may cause at most, over all candidates and keys. */
const MOST_ATTEMPTS = 6;

/** The path of one request, from the ranked candidates to the first token or the whole answer. */
export async function generate(
  ports: GeneratePorts,
  caller: Caller,
  request: GenerationRequest,
  options: GenerateOptions,
): Promise<Generation> {
  const decision = rank(ports.routes(), ports.desk.standingOf, caller, request);
  ports.explanations.decided(options.requestId, caller.tenant, decision);
  const { admission, charge } = await arrive(ports, caller, request, options, decision.ranked);
  const run = new Run(ports, request, options, admission, charge);
  try {
    return await run.serve();
  } catch (thrown) {
    const error = asSluiceError(thrown);
    charge.settleUnserved("failed", error.code);
    throw error;
  }
}

/** Counted from here on, so that what comes in one turn of the event loop is seen by its last one. */
async function arrive(
  ports: GeneratePorts,
  caller: Caller,
  request: GenerationRequest,
  options: GenerateOptions,
  ranked: readonly Ranked[],
): Promise<{ readonly admission: Admission; readonly charge: Charge }> {
  ports.openCharges.arriving += 1;
  try {
    const admitting = admit(ports.admission, caller, request, ranked, options.path);
    const admission = admitting instanceof Promise ? await admitting : admitting;
    return { admission, charge: await openCharge(ports, caller, request, options, admission) };
  } finally {
    ports.openCharges.arriving -= 1;
  }
}

async function openCharge(
  ports: GeneratePorts,
  caller: Caller,
  request: GenerationRequest,
  options: GenerateOptions,
  admission: Admission,
): Promise<Charge> {
  const { requestId } = options;
  const stream = request.stream ? streamId(`str_${randomText(ports.random.bytes(20))}`) : null;
  const flags = admission.cappedOutputTokens === undefined ? [] : (["capped"] as const);
  const charge = new Charge(
    ports,
    caller,
    request,
    requestId,
    stream,
    admission.hold,
    flags,
    admission.release,
  );
  try {
    await charge.open();
    return charge;
  } catch (thrown) {
    // The spool refused the INTENT: nothing may be bought that could not be booked.
    admission.hold.release();
    admission.release();
    throw thrown;
  }
}

/** One request on its way through the candidates. */
class Run {
  #attempts = 0;
  /** Ended from outside: by the client's leaving or the node's stopping. */
  #isStopped = false;
  #failure: VendorFailure | undefined;

  constructor(
    readonly ports: GeneratePorts,
    readonly request: GenerationRequest,
    readonly options: GenerateOptions,
    readonly admission: Admission,
    readonly charge: Charge,
  ) {
    charge.stop = () => {
      this.#isStopped = true;
    };
  }

  async serve(): Promise<Generation> {
    for (const route of this.admission.candidates) {
      const served = await this.#tryRoute(route);
      if (served !== undefined) return served;
    }
    throw this.#giveUp();
  }

  /** Tries the route's keys one after the other; undefined: the next candidate shall try. */
  async #tryRoute(route: Route): Promise<Generation | undefined> {
    const tried = new Set<string>();
    while (this.#attempts < MOST_ATTEMPTS) {
      this.#refuseIfGone();
      const taking = this.ports.desk.take(route, tried);
      const ticket = taking instanceof Promise ? await taking : taking;
      if (!ticket.ok) {
        // A key that failed tells more than there being no further one.
        this.#failure ??= ticket.failure;
        return undefined;
      }
      this.#refuseIfGone(undefined, ticket);
      this.#attempts += 1;
      tried.add(ticket.key.id);
      const result = await this.#call(route, ticket);
      if (!("fault" in result)) return result;
      this.#failure = result;
      if (result.fault === "request") throw refused(result);
      // Another key helps where the key or its account is at fault, not where the vendor is.
      if (result.fault !== "key" && result.fault !== "account") return undefined;
    }
    return undefined;
  }

  /** One call. A stream that began keeps the ticket until it ends; everything else gives it back here. */
  async #call(route: Route, ticket: Ticket): Promise<Generation | VendorFailure> {
    const attempt = new Attempt(route, ticket.key, this.ports.deadlines, this.request.stream);
    const { signal } = this.options;
    const stop = () => {
      this.#isStopped = true;
      attempt.end("client");
    };
    this.charge.stop = stop;
    signal?.addEventListener("abort", stop, { once: true });
    try {
      const result = await this.#open(attempt, ticket);
      if ("fault" in result) {
        this.#noteFailure(attempt, result);
        ticket.report({ ok: false, failure: result });
        attempt.abandon();
        ticket.release();
      } else if (result.kind === "answer") {
        attempt.close();
        ticket.release();
      }
      return result;
    } catch (thrown) {
      ticket.report({ ok: "unknown" });
      attempt.abandon();
      ticket.release();
      throw thrown;
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  async #open(attempt: Attempt, ticket: Ticket): Promise<Generation | VendorFailure> {
    const opened = await attempt.open(this.request, this.admission.cappedOutputTokens, this.ports.network);
    // A call that was refused consumed nothing, whether or not the client is still there to be told.
    if (!opened.ok && !wasAborted(opened.failure)) return opened.failure;
    this.#refuseIfGone(attempt);
    if (!opened.ok) return opened.failure;
    const started = this.#started(attempt.route, opened.call.dropped);
    return this.request.stream
      ? this.#openStream(attempt, ticket, opened.response, started)
      : this.#readAnswer(attempt, ticket, opened.response, started);
  }

  async #openStream(
    attempt: Attempt,
    ticket: Ticket,
    response: Response,
    started: Started,
  ): Promise<Generation | VendorFailure> {
    const stream = new VendorStream(
      attempt,
      response.body ?? new Blob().stream(),
      this.request,
      this.options.mode,
    );
    const run = new StreamRun(this.ports, this.charge, started, stream);
    await run.prime();
    this.#refuseIfGone(attempt);
    return failureBeforeContent(stream) ?? run.begin(ticket);
  }

  async #readAnswer(
    attempt: Attempt,
    ticket: Ticket,
    response: Response,
    started: Started,
  ): Promise<Generation | VendorFailure> {
    const { route } = attempt;
    const body = await attempt.readAll(response);
    if (isFailure(body)) {
      this.#refuseIfGone(attempt);
      return body;
    }
    const answer = route.adapter.readAnswer(this.request, body, attempt.key.secret);
    if (!answer.ok) return answer.failure;
    this.charge.noteAttempt(attempt, "served");
    const durationMs = this.ports.clock.monotonic() - attempt.startedAt;
    ticket.report({ ok: true, durationMs, firstTokenMs: undefined });
    const delivered = { frames: 0, chars: answer.outputChars, reasoningChars: 0 };
    const finishReason = answer.finishReasons[0] ?? null;
    const metered = meter(pricedBy(route), this.request, answer.usage, delivered, "completed");
    const cost = await this.charge.settle({
      outcome: "completed",
      metered,
      route,
      finishReason,
      errorCode: null,
      firstTokenAt: undefined,
    });
    const { usage } = metered;
    const final = { outcome: "completed", finishReason, usage, cost, vendor: route.vendor.id } as const;
    return { kind: "answer", started, answer, final };
  }

  #started(route: Route, dropped: readonly string[] | undefined): Started {
    const { cappedOutputTokens, limit, tokenLimit } = this.admission;
    return {
      requestId: this.options.requestId,
      vendor: route.vendor.id,
      vendorModel: route.model,
      attempts: this.#attempts,
      ...(cappedOutputTokens === undefined ? {} : { cappedOutputTokens }),
      ...(limit === undefined ? {} : { limit }),
      ...(tokenLimit === undefined ? {} : { tokenLimit }),
      ...(dropped === undefined || dropped.length === 0 ? {} : { dropped }),
    };
  }

  #noteFailure(attempt: Attempt, failure: VendorFailure): void {
    const { route } = attempt;
    this.charge.noteAttempt(attempt, "failed", failure);
    const { fault, code } = failure;
    this.ports.telemetry.attemptFailed({ vendor: route.vendor.id, model: route.model, fault, code });
  }

  /**
   * The client left before anything was delivered. A vendor that was called has read the prompt, which is charged;
   * where it may never have had it, the prompt is the platform's: nothing is charged without a call.
   */
  #refuseIfGone(attempt?: Attempt, unused?: Ticket): void {
    if (!this.#isStopped && this.options.signal?.aborted !== true && attempt?.endedBy !== "client") return;
    unused?.report({ ok: "unknown" });
    unused?.release();
    const error = new SluiceError("request_cancelled", "The client closed the connection.");
    if (attempt === undefined) {
      this.charge.settleUnserved("cancelled", error.code);
    } else {
      this.charge.noteAttempt(attempt, "cancelled");
      const { route } = attempt;
      const metered = meter(pricedBy(route), this.request, undefined, NOTHING_DELIVERED, "cancelled");
      const isBillable = attempt.hasReachedVendor;
      this.charge.settleUnserved("cancelled", error.code, { ...metered, isBillable }, route);
    }
    throw error;
  }

  #giveUp(): SluiceError {
    const failure = this.#failure;
    if (failure === undefined) return new SluiceError("vendor_unavailable", "No vendor could be tried.");
    // What this vendor cannot express, though the request may be right: no other candidate could either.
    if (failure.code === "unsupported_parameter") return refused(failure);
    // A vendor that refuses our key or our model is our trouble, never to be read as the client's.
    const code = failure.fault === "key" || failure.fault === "config" ? "vendor_unavailable" : failure.code;
    const message =
      failure.fault === "key" ? "The vendor refused the platform's credentials." : failure.message;
    const { retryAfterMs } = failure;
    const attempts = this.#attempts;
    return new SluiceError(code, message, {
      attempts,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }
}

/** The vendor refused what the client sent: its words and its status are the answer. */
function refused(failure: VendorFailure): SluiceError {
  const { code, message, param, status } = failure;
  const isClientStatus = status >= 400 && status < 500;
  return new SluiceError(code, message, {
    ...(param === undefined ? {} : { param }),
    ...(isClientStatus ? { status } : {}),
  });
}
