import type { Passage, StreamMode, Transport } from "../../adapters/adapter.ts";
import { SluiceError } from "../../core/errors.ts";
import type { GenerationRequest } from "../../core/generation.ts";
import { readiness } from "../../core/poll.ts";
import { tokensTakenOver } from "../../core/takeover-policy.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import { type Attempt, wasAborted } from "../attempt.ts";
import type { CandidateWalk } from "../candidate-walk.ts";
import { type Metered, meter, NOTHING_DELIVERED } from "../meter.ts";
import type { StreamEnd } from "../outcome.ts";
import { pricedBy } from "../routes.ts";
import type { Ticket } from "../vendor-desk.ts";
import { failureBeforeContent, VendorStream } from "../vendor-stream.ts";
import { continuedRequest } from "./continued-request.ts";
import { ContinuedLeg, type Leg, prime, type Standing } from "./leg.ts";
import type { TakeoverTerms } from "./takeable.ts";

/** A vendor that goes on, and what was read of it until its first content. */
export interface Successor {
  readonly leg: Leg;
  readonly primed: Passage[];
}

/** Times that one answer changes its vendor: each costs its prompt and its text so far once more. */
const MOST_TAKEOVERS = 2;

/** Who goes on with an answer whose vendor died in the middle of it: the candidates that were not called yet, in order. */
export class Successors {
  #left = MOST_TAKEOVERS;

  constructor(
    readonly terms: TakeoverTerms,
    readonly walk: CandidateWalk,
    readonly network: Transport,
    readonly request: GenerationRequest,
    readonly mode: StreamMode,
  ) {}

  /**
   * What there is to go on with; undefined: nothing, or it must not be.
   * @param deliveredTokens of all vendors so far
   */
  standingOf(leg: Leg, end: StreamEnd, deliveredTokens: number): Standing | undefined {
    const { walk } = this;
    const { policy, takeable } = this.terms;
    if (this.#left === 0 || !walk.hasNext || walk.isGone) return undefined;
    if (end.by === "marker" || end.by === "client" || leg.vendor.finishReason !== null) return undefined;
    // What it refuses, the others would.
    if (end.by === "failure" && end.failure.fault === "request") return undefined;
    if (deliveredTokens >= tokensTakenOver(policy)) return undefined;
    const standing = leg.standing();
    return standing?.text !== "" && takeable === "reasoning" ? undefined : standing;
  }

  /**
   * The next vendor that goes on; undefined when none does, or the client has gone. Never rejects.
   * @param least tokens that were delivered at least
   * @param spend told what a call cost that was given up when the client left
   */
  async next(
    standing: Standing,
    least: number,
    spend: (part: Metered) => void,
  ): Promise<Successor | undefined> {
    const { walk, request } = this;
    this.#left -= 1;
    const { maxOutputTokens } = request;
    const left = maxOutputTokens === undefined ? undefined : Math.max(1, maxOutputTokens - least);
    const gone = (attempt: Attempt | undefined) => this.#gone(attempt, spend);
    try {
      return await walk.next<Successor>({
        stream: true,
        call: (attempt, ticket) => this.#call(attempt, ticket, standing, left, gone),
        gone,
      });
    } catch (thrown) {
      // A defect of one call must not take with it what the client has.
      if (!walk.isGone) {
        const { ports, requestId } = walk.charge;
        ports.log.error("an answer could not be taken over", { request: requestId, cause: String(thrown) });
      }
      return undefined;
    }
  }

  /** The client has left: what is being opened ends. */
  stop(): void {
    this.walk.stop();
  }

  async #call(
    attempt: Attempt,
    ticket: Ticket,
    standing: Standing,
    outputTokens: number | undefined,
    gone: (attempt: Attempt | undefined) => SluiceError,
  ): Promise<Successor | VendorFailure> {
    const { walk, network, request, mode } = this;
    const { adapter, model } = attempt.route;
    const asked = adapter.continuation?.(request, model) ?? { by: "instruction" };
    const continued = continuedRequest(request, standing.text, asked);
    const opened = await attempt.open(continued.request, outputTokens, network);
    if (!opened.ok && !wasAborted(opened.failure)) return opened.failure;
    walk.throwIfGone({ gone }, attempt);
    if (!opened.ok) return opened.failure;
    const vendor = new VendorStream(attempt, opened.response, continued.request, "events");
    const leg = new ContinuedLeg(vendor, ticket, continued, standing, mode);
    const primed: Passage[] = [];
    while (!prime(leg, primed)) await readiness(leg);
    return failureBeforeContent(vendor) ?? { leg, primed };
  }

  #gone(attempt: Attempt | undefined, spend: (part: Metered) => void): SluiceError {
    if (attempt?.hasReachedVendor === true) {
      const { request, walk } = this;
      const metered = meter(
        pricedBy(attempt.route, walk.charge.admittedAt),
        request,
        undefined,
        NOTHING_DELIVERED,
        "cancelled",
      );
      walk.charge.noteAttempt(attempt, "cancelled", undefined, metered);
      spend(metered);
    }
    return new SluiceError("request_cancelled", "The client closed the connection.");
  }
}
