import { writesText } from "../core/catalog.ts";
import { type LimitState, SluiceError } from "../core/errors.ts";
import type { GenerationRequest } from "../core/generation.ts";
import { add, type Micropoints, most, parsePoints, ZERO } from "../core/points.ts";
import { affordableOutput, largestCost } from "../core/price-bounds.ts";
import type { Usage } from "../core/usage.ts";
import type { Hold } from "./charge.ts";
import type { Caller } from "./gateway.ts";
import { dearestLostCost } from "./hedge/hedging.ts";
import { mostOutput, mostPrompt } from "./most-tokens.ts";
import { mostUse } from "./most-use.ts";
import type { RateRequest } from "./rate-levels.ts";
import type { Route } from "./routes.ts";
import { takeoverCost } from "./takeover/takeover-cost.ts";

/** What admission takes from: leases that answer at once when warm, a Promise when their owner must be asked. */
export interface AdmissionPorts {
  /** Rates, slots and tokens on every level. Throws or rejects with `rate_limit_exceeded`. */
  takeRates(asked: RateRequest): Admitted | Promise<Admitted>;
  /** Points of the tenant, of the key's budget and of the path's. Throws or rejects with `insufficient_points` or `budget_exceeded` (with `affordable`). */
  hold(caller: Caller, amount: Micropoints, path: string | undefined): Hold | Promise<Hold>;
}

export interface Admitted {
  /** The limit on requests that has the least left. */
  readonly limit: LimitState | undefined;
  /** The limit on tokens. */
  readonly tokenLimit?: LimitState | undefined;
  /** Gives back what is counted while the request runs, and the tokens that it did not use (absent: all). */
  release(usage?: Usage): void;
}

/** A request that may run: what was held for it, and which candidates that pays for. */
export interface Admission {
  readonly hold: Hold;
  /** What was taken of limits. */
  readonly rates: Admitted;
  readonly candidates: readonly Route[];
  readonly cappedOutputTokens: number | undefined;
  /** The hold also pays for what more than one vendor may cost. */
  readonly coversMore: boolean;
}

/** How often a hold is tried anew with what a denial said was affordable: others spend meanwhile. */
const HOLD_TRIES = 3;

/** Below this a capped answer is no answer; the request is refused instead. */
const LEAST_CAPPED_TOKENS = 1;

/** What is to be admitted. */
export interface AdmissionRequest extends RateRequest {
  /** Epoch milliseconds: prices may depend on it. */
  readonly at: number;
  /** Another vendor may go on with the answer, or a second one be asked at once: held for where the balance allows it. */
  readonly mayBeTakenOver?: boolean;
  readonly mayBeHedged?: boolean;
}

/** Takes rates, then the largest cost that the request can have; caps the output when only that is affordable. */
export function admit(ports: AdmissionPorts, asked: AdmissionRequest): Admission | Promise<Admission> {
  const rates = ports.takeRates(asked);
  return rates instanceof Promise ? admitLater(ports, asked, rates) : holdFor(ports, asked, rates);
}

async function admitLater(
  ports: AdmissionPorts,
  asked: AdmissionRequest,
  taking: Promise<Admitted>,
): Promise<Admission> {
  return holdFor(ports, asked, await taking);
}

function holdFor(
  ports: AdmissionPorts,
  asked: AdmissionRequest,
  rates: Admitted,
): Admission | Promise<Admission> {
  const { caller, request, candidates, path, at } = asked;
  const simply = dearest(candidates, request, at);
  const { mayBeTakenOver = false, mayBeHedged = false } = asked;
  const coversMore = (mayBeTakenOver || mayBeHedged) && candidates.length > 1;
  const inTurn = coversMore && mayBeTakenOver ? most(simply, takeoverCost(candidates, request, at)) : simply;
  const amount = coversMore && mayBeHedged ? add(inTurn, dearestLostCost(candidates, request, at)) : inTurn;
  try {
    const hold = ports.hold(caller, amount, path);
    if (hold instanceof Promise) return holdLater(ports, asked, rates, hold, coversMore);
    return { hold, rates, candidates, cappedOutputTokens: undefined, coversMore };
  } catch (thrown) {
    return holdLess(ports, asked, rates, thrown);
  }
}

async function holdLater(
  ports: AdmissionPorts,
  asked: AdmissionRequest,
  rates: Admitted,
  holding: Promise<Hold>,
  coversMore: boolean,
): Promise<Admission> {
  let hold: Hold;
  try {
    hold = await holding;
  } catch (thrown) {
    return holdLess(ports, asked, rates, thrown);
  }
  return { hold, rates, candidates: asked.candidates, cappedOutputTokens: undefined, coversMore };
}

/** The balance does not cover the dearest case: take the candidates it covers, else cap the output, else refuse. */
async function holdLess(
  ports: AdmissionPorts,
  { caller, request, candidates, path, at }: AdmissionRequest,
  rates: Admitted,
  denial: unknown,
): Promise<Admission> {
  let thrown = denial;
  try {
    for (let tries = 0; tries < HOLD_TRIES; tries += 1) {
      const plan = planWithin(affordableOf(thrown), caller, request, candidates, at);
      if (plan === undefined) break;
      try {
        const hold = await ports.hold(caller, plan.amount, path);
        const { candidates: covered, cappedOutputTokens } = plan;
        return { hold, rates, candidates: covered, cappedOutputTokens, coversMore: false };
      } catch (again) {
        thrown = again;
      }
    }
    throw thrown;
  } catch (refused) {
    rates.release();
    throw refused;
  }
}

/** What can be paid for. */
interface Plan {
  readonly candidates: readonly Route[];
  readonly cappedOutputTokens: number | undefined;
  readonly amount: Micropoints;
}

function planWithin(
  affordable: Micropoints | undefined,
  caller: Caller,
  request: GenerationRequest,
  candidates: readonly Route[],
  at: number,
): Plan | undefined {
  if (affordable === undefined) return undefined;
  const covered = candidates.filter((route) => costLimit(route, request, at) <= affordable);
  if (covered.length > 0) {
    const amount = dearest(covered, request, at);
    return { candidates: covered, cappedOutputTokens: undefined, amount };
  }
  // Only what writes text can be given a shorter answer.
  if (caller.onShortBalance === "refuse" || !writesText(request.operation)) return undefined;
  return candidates.map((route) => capTo(route, request, affordable, at)).find((plan) => plan !== undefined);
}

function capTo(
  route: Route,
  request: GenerationRequest,
  affordable: Micropoints,
  at: number,
): Plan | undefined {
  if (route.price === undefined) return undefined;
  const { spec } = route.price;
  const use = mostUse(request, route, at);
  const prompt = mostPrompt(route, request);
  const payable = affordableOutput(spec, prompt, affordable, use);
  const tokens = Math.floor(payable / request.choices) - (request.predictedTokens ?? 0);
  if (tokens < LEAST_CAPPED_TOKENS) return undefined;
  return {
    candidates: [route],
    cappedOutputTokens: tokens,
    amount: largestCost(spec, prompt, mostOutput(route, request, tokens), use),
  };
}

/** The most that this request can cost at any of these candidates. */
function dearest(candidates: readonly Route[], request: GenerationRequest, at: number): Micropoints {
  let top = ZERO;
  for (const route of candidates) top = most(top, costLimit(route, request, at));
  return top;
}

/** The most that this request can cost at this candidate. */
function costLimit(route: Route, request: GenerationRequest, at: number): Micropoints {
  if (route.price === undefined) return ZERO;
  const use = mostUse(request, route, at);
  return largestCost(route.price.spec, mostPrompt(route, request), mostOutput(route, request), use);
}

/** What a denial said could be held; undefined: it is about something else. */
export function affordableOf(thrown: unknown): Micropoints | undefined {
  if (!(thrown instanceof SluiceError)) return undefined;
  if (thrown.code !== "insufficient_points" && thrown.code !== "budget_exceeded") return undefined;
  return parsePoints(thrown.detail.affordable);
}
