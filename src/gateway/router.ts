import type { RoutingSpec } from "../core/catalog.ts";
import { SluiceError } from "../core/errors.ts";
import type { GenerationRequest } from "../core/generation.ts";
import { isMediaOperation } from "../core/media.ts";
import { costOf } from "../core/price.ts";
import { tariffAt } from "../core/price-hours.ts";
import { NO_USAGE } from "../core/usage.ts";
import { charactersAt } from "./estimate-units.ts";
import type { Caller } from "./gateway.ts";
import { matchesAny } from "./globs.ts";
import type { Route, Routes } from "./routes.ts";

/** What the vendor actor's last advisory, together with what this node saw itself, says of a vendor. */
export interface Standing {
  readonly breaker: "closed" | "open" | "half_open";
  /** Median milliseconds to the first token; undefined while nothing was measured. */
  readonly firstTokenMs: number | undefined;
  readonly errorRatio: number;
}

export type StandingOf = (route: Route) => Standing;

/** One candidate with the reasons for its place. */
export interface Ranked {
  readonly route: Route;
  readonly score: number;
  readonly cost: number;
  readonly performance: number;
  readonly quality: number;
}

export interface Passed {
  readonly route: Route;
  readonly reason: "vendor_not_allowed" | "operation_not_served" | "not_priced" | "breaker_open";
}

/** Kept for `explain`. */
export interface Decision {
  readonly ranked: readonly Ranked[];
  readonly passed: readonly Passed[];
}

export interface Ranking extends Decision {
  /** The ranked ones alone. */
  readonly routes: readonly Route[];
}

/** Output tokens that a typical answer has: only the relation between prices matters for ranking. */
const TYPICAL_OUTPUT_TOKENS = 500;

/** A vendor not measured yet is taken for a shade faster than the fastest: so it gets measured. */
const UNMEASURED = 1.01;

/**
 * Ranks where the request can be served, best first, by the prices in force at `at` (epoch milliseconds).
 * @throws SluiceError `model_not_found`, `model_not_priced`, `permission_denied`, `vendor_unavailable`
 */
export function rank(
  routes: Routes,
  standingOf: StandingOf,
  caller: Caller,
  request: GenerationRequest,
  at: number,
): Ranking {
  const all = routes.models.get(request.model);
  if (all === undefined || all.length === 0) throw unknownModel(request.model);
  if (caller.models !== null && !matchesAny(caller.models, request.model)) {
    throw new SluiceError("permission_denied", `This key may not use the model '${request.model}'.`, {
      param: "model",
    });
  }
  const [only] = all;
  if (all.length === 1 && only !== undefined && reasonToPass(only, standingOf, caller, request) === undefined)
    return alone(only);
  let passed: Passed[] | undefined;
  for (const route of all) {
    const reason = reasonToPass(route, standingOf, caller, request);
    if (reason === undefined) continue;
    passed ??= [];
    passed.push({ route, reason });
  }
  const usable = passed === undefined ? all : without(all, passed);
  if (usable.length === 0) throw noCandidate(request, passed ?? NONE);
  const ranked = scored(usable, standingOf, routes.routing, request, at);
  const inOrder: Route[] = [];
  for (const { route } of ranked) inOrder.push(route);
  return { ranked, routes: inOrder, passed: passed ?? NONE };
}

const NONE: readonly Passed[] = [];

const without = (routes: readonly Route[], passed: readonly Passed[]): readonly Route[] =>
  routes.filter((route) => !passed.some((one) => one.route === route));

/** Where there is one candidate nothing is to be decided: one decision for all its requests, since they are kept. */
const onlyOnes = new WeakMap<Route, Ranking>();

function alone(route: Route): Ranking {
  let decision = onlyOnes.get(route);
  if (decision === undefined) {
    decision = { ranked: [new Scored(route)], routes: [route], passed: NONE };
    onlyOnes.set(route, decision);
  }
  return decision;
}

function reasonToPass(
  route: Route,
  standingOf: StandingOf,
  caller: Caller,
  request: GenerationRequest,
): Passed["reason"] | undefined {
  if (caller.vendors !== null && !matchesAny(caller.vendors, route.vendor.id)) return "vendor_not_allowed";
  if (!route.operations.has(request.operation)) return "operation_not_served";
  if (route.price === undefined) return "not_priced";
  if (standingOf(route).breaker === "open") return "breaker_open";
  return undefined;
}

function scored(
  usable: readonly Route[],
  standingOf: StandingOf,
  routing: RoutingSpec,
  request: GenerationRequest,
  at: number,
): Ranked[] {
  const ranked: Scored[] = [];
  for (const route of usable) ranked.push(new Scored(route));
  if (usable.length === 1 || routing.strategy === "priority") return ranked;
  let cheapest = Number.POSITIVE_INFINITY;
  let fastest = Number.POSITIVE_INFINITY;
  for (const one of ranked) {
    one.cost = typicalCost(one.route, request, at);
    one.standing = standingOf(one.route);
    cheapest = Math.min(cheapest, one.cost);
    fastest = Math.min(fastest, one.standing.firstTokenMs ?? fastest);
  }
  const weights = weightsOf(routing);
  for (const one of ranked) one.compare(cheapest, fastest, weights);
  return ranked.sort(byScore);
}

const byScore = (a: Ranked, b: Ranked): number => b.score - a.score;

class Scored implements Ranked {
  score = 1;
  /** Until it is compared, what a typical request costs. */
  cost = 1;
  performance = 1;
  readonly quality: number;
  /** Only where candidates are compared. */
  standing: Standing | undefined;

  constructor(readonly route: Route) {
    this.quality = route.quality;
  }

  compare(cheapest: number, fastest: number, weights: RoutingSpec["weights"]): void {
    const { firstTokenMs, errorRatio = 0 } = this.standing ?? {};
    this.cost = ratio(cheapest, this.cost);
    const speed = firstTokenMs === undefined ? UNMEASURED : ratio(fastest, firstTokenMs);
    this.performance = speed * (1 - errorRatio);
    this.score =
      weights.cost * this.cost + weights.performance * this.performance + weights.quality * this.quality;
  }
}

const ONLY_COST = { cost: 1, performance: 0, quality: 0 };
const ONLY_PERFORMANCE = { cost: 0, performance: 1, quality: 0 };
const ONLY_QUALITY = { cost: 0, performance: 0, quality: 1 };

function weightsOf(routing: RoutingSpec): RoutingSpec["weights"] {
  switch (routing.strategy) {
    case "cost":
      return ONLY_COST;
    case "performance":
      return ONLY_PERFORMANCE;
    case "quality":
      return ONLY_QUALITY;
    case "balanced":
    case "priority":
      return routing.weights;
  }
}

/** How good `value` is where less is better: 1 for the best, toward 0 for the worst; free is best. */
function ratio(best: number, value: number): number {
  if (value <= best) return 1;
  return value === 0 ? 1 : best / value;
}

/** A comparable cost of this prompt with a typical answer; a plain number, since it is never charged. */
function typicalCost(route: Route, request: GenerationRequest, at: number): number {
  if (route.price === undefined) return Number.POSITIVE_INFINITY;
  const output = Math.min(request.maxOutputTokens ?? TYPICAL_OUTPUT_TOKENS, TYPICAL_OUTPUT_TOKENS);
  const images = isMediaOperation(request.operation) ? request.choices : 0;
  const characters = charactersAt(request, route.adapter);
  const seconds = request.sound?.likelySeconds ?? 0;
  const usage = { ...NO_USAGE, input: request.promptTokens, output, images, seconds };
  const read = characters === undefined ? usage : { ...usage, characters };
  return Number(costOf(tariffAt(route.price.spec, at), read));
}

function unknownModel(model: string): SluiceError {
  return new SluiceError(
    "model_not_found",
    `The model '${model}' does not exist or you do not have access to it.`,
    {
      param: "model",
    },
  );
}

function noCandidate(request: GenerationRequest, passed: readonly Passed[]): SluiceError {
  const reasons = new Set(passed.map(({ reason }) => reason));
  const { model, operation } = request;
  if (reasons.has("breaker_open")) {
    return new SluiceError("vendor_unavailable", `Every vendor of '${model}' is failing at the moment.`, {
      retryAfterMs: 1_000,
    });
  }
  if (reasons.has("not_priced")) {
    return new SluiceError("model_not_priced", `The model '${model}' has no price and cannot be used.`, {
      param: "model",
    });
  }
  if (reasons.has("operation_not_served")) {
    return new SluiceError("model_not_found", `The model '${model}' does not serve ${operation} requests.`, {
      param: "model",
    });
  }
  return new SluiceError("permission_denied", `This key may not use any vendor of '${model}'.`, {
    param: "model",
  });
}
