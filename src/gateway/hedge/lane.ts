import type { Passage, StreamMode, Transport } from "../../adapters/adapter.ts";
import type { GenerationRequest } from "../../core/generation.ts";
import { readiness } from "../../core/poll.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import { type Attempt, wasAborted } from "../attempt.ts";
import type { CandidateWalk } from "../candidate-walk.ts";
import { type Metered, meter, NOTHING_DELIVERED } from "../meter.ts";
import { pricedBy } from "../routes.ts";
import type { Beginning } from "../stream-run.ts";
import { FirstLeg, prime } from "../takeover/leg.ts";
import type { Ticket } from "../vendor-desk.ts";
import { failureBeforeContent, VendorStream } from "../vendor-stream.ts";

/** One vendor on its way to the first token of an answer. */
export interface Lane {
  readonly attempt: Attempt;
  readonly ticket: Ticket;
  /** Once it answers. */
  vendor?: VendorStream;
}

/** A vendor that has begun. */
export interface Begun extends Beginning {
  readonly dropped: readonly string[] | undefined;
}

export interface LaneTerms {
  readonly walk: CandidateWalk;
  readonly request: GenerationRequest;
  readonly cappedOutputTokens: number | undefined;
  readonly network: Transport;
  readonly mode: StreamMode;
  /** What is said is remembered, for whoever may have to go on with it. */
  readonly remembers: boolean;
}

/** How a lane ended; undefined: the client has gone. */
export type LaneResult = Begun | VendorFailure | undefined;

/** Calls the vendor and reads until its first content. Never rejects. */
export async function openLane(lane: Lane, terms: LaneTerms): Promise<LaneResult> {
  const { attempt } = lane;
  const { request } = terms;
  const call = attempt.callFor(request, terms.cappedOutputTokens);
  if ("fault" in call) return call;
  let answered: ReturnType<Attempt["answeredBy"]>;
  try {
    answered = attempt.answeredBy(await attempt.send(call, terms.network));
  } catch (thrown) {
    return refused(lane, terms, attempt.failureOf(thrown));
  }
  if (answered instanceof Promise) return refused(lane, terms, await answered);
  if (isGone(lane, terms)) return undefined;
  const vendor = new VendorStream(attempt, answered, request, terms.mode, terms.remembers);
  lane.vendor = vendor;
  const leg = new FirstLeg(vendor, lane.ticket, request);
  const primed: Passage[] = [];
  while (!prime(leg, primed)) await readiness(leg);
  if (isGone(lane, terms)) return undefined;
  return failureBeforeContent(vendor) ?? { leg, primed, dropped: call.dropped };
}

/** A call that was refused consumed nothing, whether or not the client is still there to be told. */
const refused = (lane: Lane, terms: LaneTerms, failure: VendorFailure): VendorFailure | undefined =>
  wasAborted(failure) && isGone(lane, terms) ? undefined : failure;

const isGone = ({ attempt }: Lane, { walk }: LaneTerms): boolean =>
  walk.isGone || attempt.endedBy === "client";

export const hasBegun = (result: LaneResult): result is Begun => result !== undefined && "leg" in result;

/** What a lane that is given up has consumed; undefined when its vendor may never have had the request. */
export function consumedBy(
  { attempt, vendor }: Lane,
  request: GenerationRequest,
  admittedAt: number,
): Metered | undefined {
  if (!attempt.hasReachedVendor) return undefined;
  const delivered = vendor?.delivered ?? NOTHING_DELIVERED;
  return meter(
    pricedBy(attempt.route, admittedAt),
    request,
    vendor?.usage,
    delivered,
    "cancelled",
    vendor?.deliveredSinceUsage,
  );
}
