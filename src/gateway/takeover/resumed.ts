import type { Delivered } from "../../adapters/adapter.ts";
import { SluiceError } from "../../core/errors.ts";
import type { GenerationRequest } from "../../core/generation.ts";
import type { StreamId, VendorId } from "../../core/ids.ts";
import { DEFAULT_TAKEOVER } from "../../core/takeover-policy.ts";
import { admit } from "../admission.ts";
import { CandidateWalk } from "../candidate-walk.ts";
import { Charge } from "../charge.ts";
import type { Caller, GenerateOptions, StreamGeneration } from "../gateway.ts";
import type { GeneratePorts } from "../generate.ts";
import { estimate, leastOutputTokens, type Metered, meter, sumOf } from "../meter.ts";
import { rank } from "../router.ts";
import { pricedBy, type Route } from "../routes.ts";
import { StreamRun } from "../stream-run.ts";
import { Successors } from "./successors.ts";
import { takeoverTerms } from "./takeable.ts";

/** An answer that a node began and cannot end. */
export interface Begun {
  readonly streamId: StreamId;
  /** Undefined: there is more than text in it, so that nobody can go on with it. */
  readonly text: string | undefined;
  readonly delivered: Delivered;
  readonly vendor: VendorId;
  readonly vendorModel: string;
  /** True when what was delivered is charged here, with the rest: nobody else will be charged for it. */
  readonly isUnpaid: boolean;
}

/**
 * Goes on with an answer from the text so far, as when its vendor had died. One charge for all of it, or for what
 * follows where the beginning is paid for. Where nobody can go on, what is unpaid is settled as a truncated answer.
 * @throws SluiceError `stream_truncated` when nobody goes on, or what admission refused
 */
export async function resumeGeneration(
  ports: GeneratePorts,
  caller: Caller,
  request: GenerationRequest,
  options: GenerateOptions,
  begun: Begun,
): Promise<StreamGeneration> {
  const routes = ports.routes();
  const decision = rank(routes, ports.desk.standingOf, caller, request, ports.clock.now());
  ports.explanations.decided(options.requestId, caller.tenant, decision);
  const candidates = decision.ranked.map(({ route }) => route);
  const path = options.path;
  const at = ports.clock.now();
  const asked = { caller, request, candidates, path, at, mayBeTakenOver: true };
  const admission = await admit(ports.admission, asked);
  const { hold, rates } = admission;
  const charge = new Charge(ports, caller, request, options.requestId, begun.streamId, hold, [], rates);
  await charge.open();
  const spent = begun.isUnpaid
    ? [spentOf(candidates, charge, begun)].filter((part) => part !== undefined)
    : [];
  const policy = options.takeover ?? caller.takeover ?? routes.routing.takeover ?? DEFAULT_TAKEOVER;
  const terms = takeoverTerms(request, policy);
  const { text, delivered } = begun;
  if (terms !== undefined && text !== undefined && (text === "" || terms.takeable === "text")) {
    const walk = new CandidateWalk(ports, admission.candidates, charge, options.signal, options.timeouts);
    const successors = new Successors(terms, walk, ports.network, request, options.mode);
    charge.runner = walk;
    const least = leastOutputTokens(undefined, delivered);
    const next = await successors.next({ text, head: undefined }, least, (part) => spent.push(part));
    if (next !== undefined) {
      const { route } = next.leg.vendor.attempt;
      const { attempts } = walk;
      const started = {
        requestId: options.requestId,
        vendor: route.vendor.id,
        vendorModel: route.model,
        attempts,
      };
      const { leg, primed } = next;
      const lost = spent.length === 0 ? undefined : sumOf(spent, true);
      return new StreamRun(ports, charge, started, { leg, primed, lost }, successors);
    }
  }
  settleTruncated(charge, candidates, begun, spent);
  throw new SluiceError("stream_truncated", "The node that answered is gone, and nobody could go on.");
}

const routeOf = (candidates: readonly Route[], { vendor, vendorModel }: Begun): Route | undefined =>
  candidates.find((route) => route.vendor.id === vendor && route.model === vendorModel);

/** What the beginning is charged: the vendor's own word was lost with the node. Undefined: it has no price any more. */
function spentOf(
  candidates: readonly Route[],
  { request, admittedAt }: Charge,
  begun: Begun,
): Metered | undefined {
  const route = routeOf(candidates, begun);
  if (route?.price === undefined) return undefined;
  return meter(pricedBy(route, admittedAt), request, undefined, begun.delivered, "truncated");
}

function settleTruncated(
  charge: Charge,
  candidates: readonly Route[],
  begun: Begun,
  spent: readonly Metered[],
): void {
  const [first] = spent;
  if (first === undefined) {
    charge.settleUnserved("failed", "stream_truncated");
    return;
  }
  const usage = estimate(charge.request, begun.delivered);
  const metered = { ...first, usage, isBillable: true };
  charge.settleUnserved("cancelled", "stream_truncated", metered, routeOf(candidates, begun));
}
