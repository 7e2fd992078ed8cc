import { servesNatively, type Transport } from "../adapters/adapter.ts";
import { asSluiceError, SluiceError } from "../core/errors.ts";
import type { GenerationRequest } from "../core/generation.ts";
import { DEFAULT_HEDGE } from "../core/hedge-settings.ts";
import { randomText, streamId } from "../core/ids.ts";
import type { Random } from "../core/random.ts";
import { DEFAULT_TAKEOVER } from "../core/takeover-policy.ts";
import type { VendorFailure } from "../core/vendor-failure.ts";
import type { Writable } from "../core/writable.ts";
import type { UsageFlag } from "../ledger/records.ts";
import { type Admission, type AdmissionPorts, admit } from "./admission.ts";
import { type Attempt, isFailure, wasAborted } from "./attempt.ts";
import { isBelievable } from "./believed-usage.ts";
import { CandidateWalk, type Use } from "./candidate-walk.ts";
import { Charge, type ChargePorts, type Ending } from "./charge.ts";
import type { Deadlines } from "./deadlines.ts";
import { partsOf } from "./embedding-calls.ts";
import { embedParts } from "./embedding-run.ts";
import type { Explanations } from "./explain.ts";
import type { AnswerGeneration, Caller, GenerateOptions, Generation, Started } from "./gateway.ts";
import { givenUp, refused } from "./given-up.ts";
import { type Hedging, isHedgeable } from "./hedge/hedging.ts";
import { hasBegun, type Lane } from "./hedge/lane.ts";
import { type HedgeTerms, StreamLanes } from "./hedge/stream-lanes.ts";
import { type Metered, meter, NO_FLAGS, NOTHING, NOTHING_DELIVERED, sumOf } from "./meter.ts";
import { rank } from "./router.ts";
import { pricedBy, type Route, type Routes } from "./routes.ts";
import { stopping } from "./stopping.ts";
import { StreamRun } from "./stream-run.ts";
import { Successors } from "./takeover/successors.ts";
import { type TakeoverTerms, takeoverTerms } from "./takeover/takeable.ts";
import type { Ticket, VendorDesk } from "./vendor-desk.ts";

export interface GeneratePorts extends ChargePorts {
  readonly random: Random;
  readonly deadlines: Deadlines;
  readonly network: Transport;
  readonly admission: AdmissionPorts;
  readonly desk: VendorDesk;
  readonly explanations: Explanations;
  /** How fast routes begin, for asking a second one; absent: nobody asks. */
  readonly hedging?: Hedging;
  /** The routes of this moment: a reload replaces them, a running request keeps its own. */
  routes(): Routes;
}

/**
 * The path of one request, from the ranked candidates to the first token or the whole answer. It is counted from its
 * beginning, so that what comes in one turn of the event loop is seen by its last one.
 */
export async function generate(
  ports: GeneratePorts,
  caller: Caller,
  request: GenerationRequest,
  options: GenerateOptions,
): Promise<Generation> {
  const decision = rank(ports.routes(), ports.desk.standingOf, caller, request, ports.clock.now());
  ports.explanations.decided(options.requestId, caller.tenant, decision);
  const wanted = moreVendors(ports, caller, request, options);
  const { openCharges } = ports;
  let admission: Admission;
  let charge: Charge;
  openCharges.arriving += 1;
  try {
    const admitting = admit(ports.admission, {
      caller,
      request,
      candidates: decision.routes,
      path: options.path,
      at: ports.clock.now(),
      mayBeTakenOver: wanted.takeover !== undefined,
      mayBeHedged: wanted.hedge !== undefined,
    });
    admission = admitting instanceof Promise ? await admitting : admitting;
    charge = chargeOf(ports, caller, request, options, admission);
    await charge.open();
  } finally {
    openCharges.arriving -= 1;
  }
  const run = new Run(ports, request, options, admission, charge, admission.coversMore ? wanted : NO_MORE);
  try {
    const served = await run.walk.next(run);
    if (served !== undefined) return served;
    throw givenUp(run.walk);
  } catch (thrown) {
    const error = asSluiceError(thrown);
    run.unserved(error.code);
    throw error;
  }
}

/** By which terms more than one vendor may give a part of an answer; absent where none may. */
interface MoreVendors {
  readonly takeover?: TakeoverTerms | undefined;
  readonly hedge?: HedgeTerms | undefined;
}

const NO_MORE: MoreVendors = {};

function moreVendors(
  { hedging, routes }: GeneratePorts,
  caller: Caller,
  request: GenerationRequest,
  options: GenerateOptions,
): MoreVendors {
  const { takeover = DEFAULT_TAKEOVER, hedge: settings = DEFAULT_HEDGE } = routes().routing;
  // What is no stream has neither a first token nor a middle.
  if (!request.stream) return NO_MORE;
  const mayHedge = hedging !== undefined && isHedgeable(request);
  if (mayHedge) hedging.asked();
  const isWanted = options.hedge ?? settings.enabled;
  return {
    takeover: takeoverTerms(request, options.takeover ?? caller.takeover ?? takeover),
    hedge: mayHedge && isWanted ? { hedging, settings } : undefined,
  };
}

/** Writes the INTENT of what was admitted, or gives it all back. */
export async function openCharge(
  ports: GeneratePorts,
  caller: Caller,
  request: GenerationRequest,
  options: GenerateOptions,
  admission: Admission,
): Promise<Charge> {
  const charge = chargeOf(ports, caller, request, options, admission);
  await charge.open();
  return charge;
}

function chargeOf(
  ports: GeneratePorts,
  caller: Caller,
  request: GenerationRequest,
  { requestId }: GenerateOptions,
  { hold, cappedOutputTokens, rates }: Admission,
): Charge {
  const stream = request.stream ? streamId(`str_${randomText(ports.random.bytes(20))}`) : null;
  const flags = cappedOutputTokens === undefined ? NO_FLAGS : CAPPED;
  return new Charge(ports, caller, request, requestId, stream, hold, flags, rates);
}

const CAPPED: readonly UsageFlag[] = ["capped"];

type WholeAnswer = AnswerGeneration["answer"];

/** One request on its way through the candidates. */
class Run implements Use<Generation> {
  readonly walk: CandidateWalk;
  readonly stream: boolean;
  readonly refused = refused;
  #lanes: StreamLanes | undefined;
  /** What vendors answered of requests in several calls that then failed, and where the last one did. */
  #inVain: Metered[] | undefined;
  #vainRoute: Route | undefined;
  /** The node stops. */
  #isStopped = false;

  constructor(
    readonly ports: GeneratePorts,
    readonly request: GenerationRequest,
    readonly options: GenerateOptions,
    readonly admission: Admission,
    readonly charge: Charge,
    readonly more: MoreVendors,
  ) {
    this.walk = new CandidateWalk(ports, admission.candidates, charge, options.signal, options.timeouts);
    this.stream = request.stream;
    charge.runner = this;
  }

  stop(): void {
    this.#isStopped = true;
    this.walk.stop();
  }

  /** Nobody served: the client pays nothing, and what was consumed in vain is the platform's. */
  unserved(errorCode: string): void {
    const consumed = this.#inVain && sumOf(this.#inVain, false);
    this.charge.settleUnserved("failed", errorCode, consumed, this.#vainRoute);
  }

  call(attempt: Attempt, ticket: Ticket): Promise<Generation | VendorFailure> {
    if (this.stream) return this.#openStream({ attempt, ticket });
    const parts = partsOf(this.request, attempt.route.adapter.textsACall);
    return parts.length > 1 ? this.#embed(attempt, ticket, parts) : this.#answer(attempt, ticket);
  }

  gone(attempt: Attempt | undefined): SluiceError {
    return this.#gone(attempt && { attempt });
  }

  async #answer(attempt: Attempt, ticket: Ticket): Promise<Generation | VendorFailure> {
    const call = attempt.callFor(this.request, this.admission.cappedOutputTokens);
    if ("fault" in call) return call;
    let answered: ReturnType<Attempt["answeredBy"]>;
    try {
      answered = attempt.answeredBy(await attempt.send(call, this.ports.network));
    } catch (thrown) {
      return this.#failed(attempt, attempt.failureOf(thrown));
    }
    if (answered instanceof Promise) return this.#failed(attempt, await answered);
    this.walk.throwIfGone(this, attempt);
    const started = this.#started(attempt.route, call.dropped);
    const reading = attempt.readAll(answered);
    const body = reading instanceof Promise ? await reading : reading;
    if (isFailure(body)) {
      this.walk.throwIfGone(this, attempt);
      return body;
    }
    const answer = attempt.route.adapter.readAnswer(this.request, body, attempt.key.secret);
    if (!answer.ok) return answer.failure;
    const metered = this.#metered(attempt, ticket, answer);
    await this.charge.settle(this.#ending(attempt, answer, metered));
    return this.#given(attempt, ticket, answer, started, metered);
  }

  /** A call that was refused consumed nothing, whether or not the client is still there to be told. */
  #failed(attempt: Attempt, failure: VendorFailure): VendorFailure {
    if (wasAborted(failure)) this.walk.throwIfGone(this, attempt);
    return failure;
  }

  /** Texts in several calls of one attempt: one answer and one charge, or none. */
  async #embed(
    attempt: Attempt,
    ticket: Ticket,
    parts: readonly GenerationRequest[],
  ): Promise<Generation | VendorFailure> {
    const { route } = attempt;
    const tariff = pricedBy(route, this.charge.admittedAt);
    const { answer, dropped, answered, begun } = await embedParts(attempt, parts, this.ports.network, tariff);
    attempt.spent = begun;
    this.walk.throwIfGone(this, attempt);
    if (answer.ok) {
      const metered = this.#metered(attempt, ticket, answer);
      await this.charge.settle(this.#ending(attempt, answer, metered));
      return this.#given(attempt, ticket, answer, this.#started(route, dropped), metered);
    }
    attempt.spent = answered;
    if (answered !== undefined) {
      this.#inVain = [...(this.#inVain ?? []), answered];
      this.#vainRoute = route;
    }
    return answer.failure;
  }

  async #openStream(lane: Lane): Promise<Generation | VendorFailure> {
    this.#lanes ??= this.#lanesOf();
    const begun = await this.#lanes.open(lane);
    if (begun === undefined) throw this.#gone(lane, this.#lanes.abandonSecond());
    if (!hasBegun(begun)) return begun;
    const { ports, walk, request } = this;
    const { attempt } = begun.leg.vendor;
    ports.hedging?.began(attempt.route, ports.clock.monotonic() - attempt.startedAt);
    const { takeover } = this.more;
    const successors = takeover && new Successors(takeover, walk, ports.network, request, this.options.mode);
    const started = this.#started(attempt.route, begun.dropped);
    return new StreamRun(ports, this.charge, started, begun, successors);
  }

  #lanesOf(): StreamLanes {
    const { ports, walk, request, admission, more, options } = this;
    const terms = {
      walk,
      request,
      cappedOutputTokens: admission.cappedOutputTokens,
      network: ports.network,
      mode: options.mode,
      remembers: more.takeover !== undefined,
    };
    return new StreamLanes(ports.clock, terms, more.hedge);
  }

  /** What a whole answer has used and costs, and a good word for its vendor. */
  #metered(attempt: Attempt, ticket: Ticket, answer: WholeAnswer): Metered {
    const { route, cappedOutputTokens } = attempt;
    const durationMs = this.ports.clock.monotonic() - attempt.startedAt;
    ticket.report({ ok: true, durationMs, firstTokenMs: undefined });
    const delivered = { frames: 0, chars: answer.outputChars, reasoningChars: 0 };
    const { usage: told } = answer;
    const isBelieved =
      told === undefined || isBelievable(route, this.request, told, delivered, cappedOutputTokens);
    const metered = meter(
      pricedBy(route, this.charge.admittedAt),
      this.request,
      isBelieved ? told : undefined,
      delivered,
      "completed",
    );
    // Apart on the receipt where a part of what it says was consumed elsewhere.
    this.charge.noteAttempt(attempt, "served", undefined, this.#inVain && metered);
    return metered;
  }

  #ending({ route }: Attempt, answer: WholeAnswer, metered: Metered): Ending {
    return {
      outcome: "completed",
      metered: this.#withLost(metered),
      route,
      finishReason: answer.finishReasons[0] ?? null,
      errorCode: null,
      firstTokenAt: undefined,
    };
  }

  /** Its charge is on disk: it may be seen. */
  #given(
    attempt: Attempt,
    ticket: Ticket,
    answer: WholeAnswer,
    started: Started,
    { usage }: Metered,
  ): AnswerGeneration {
    attempt.close();
    ticket.release();
    const finishReason = answer.finishReasons[0] ?? null;
    const vendor = attempt.route.vendor.id;
    const cost = this.charge.charged;
    return {
      kind: "answer",
      started,
      answer,
      final: { outcome: "completed", finishReason, usage, cost, vendor },
    };
  }

  /** With what was consumed in vain before, which is the platform's whoever pays for the rest. */
  #withLost(metered: Metered): Metered {
    return this.#inVain === undefined ? metered : { ...metered, lost: sumOf(this.#inVain, false).cost };
  }

  #started(route: Route, dropped: readonly string[] | undefined): Started {
    const { cappedOutputTokens, rates } = this.admission;
    const { limit, tokenLimit } = rates;
    const { native } = this.request;
    const started: Writable<Started> = {
      requestId: this.options.requestId,
      vendor: route.vendor.id,
      vendorModel: route.model,
      attempts: this.walk.attempts,
    };
    if (cappedOutputTokens !== undefined) started.cappedOutputTokens = cappedOutputTokens;
    if (limit !== undefined) started.limit = limit;
    if (tokenLimit !== undefined) started.tokenLimit = tokenLimit;
    if (dropped !== undefined && dropped.length > 0) started.dropped = dropped;
    if (native !== undefined && servesNatively(route.adapter, this.request)) started.dialect = native.dialect;
    return started;
  }

  /**
   * It ends before anything was delivered. A client that left pays for the prompt that a vendor has read; where it may
   * never have had it, the prompt is the platform's: nothing is charged without a call. A client that is there when the
   * node stops pays for nothing.
   */
  #gone(...lanes: readonly (Pick<Lane, "attempt"> | undefined)[]): SluiceError {
    const isOurs = this.#isStopped && this.options.signal?.aborted !== true;
    const outcome = isOurs ? "failed" : "cancelled";
    const error = isOurs
      ? stopping()
      : new SluiceError("request_cancelled", "The client closed the connection.");
    const calls = lanes.flatMap((lane) => (lane === undefined ? [] : [lane.attempt]));
    const [first] = calls;
    if (first === undefined) {
      this.charge.settleUnserved(outcome, error.code, this.#withLost(NOTHING), this.#vainRoute);
      return error;
    }
    const parts = calls.map((attempt) => {
      const price = pricedBy(attempt.route, this.charge.admittedAt);
      const metered = attempt.spent ?? meter(price, this.request, undefined, NOTHING_DELIVERED, "cancelled");
      this.charge.noteAttempt(attempt, "cancelled", undefined, metered);
      return { metered, isBillable: attempt.hasReachedVendor };
    });
    const billable = parts.filter(({ isBillable }) => isBillable);
    const counted = (billable.length > 0 ? billable : parts).map(({ metered }) => metered);
    const consumed = this.#withLost(sumOf(counted, billable.length > 0 && !isOurs));
    this.charge.settleUnserved(outcome, error.code, consumed, first.route);
    return error;
  }
}
