import type { RateDenied, RateLeases, RateTaken, TokensTaken } from "../actors/leases/leases.ts";
import type { RateLimit } from "../core/algorithms.ts";
import type { Tier } from "../core/catalog.ts";
import type { Clock } from "../core/clock.ts";
import { type LimitState, SluiceError } from "../core/errors.ts";
import type { GenerationRequest } from "../core/generation.ts";
import { DEFAULT_KEY_ALGORITHM, type LimitSpecs } from "../core/limit-specs.ts";
import { isMediaOperation } from "../core/media.ts";
import { completionTokens, promptTokens, type Usage } from "../core/usage.ts";
import type { Admitted } from "./admission.ts";
import type { Caller } from "./gateway.ts";
import type { GlobalLimiter } from "./global-limiter.ts";
import { mostOutput, mostPrompt } from "./most-tokens.ts";
import { type CallerScopes, modelScopes, scopesOf } from "./rate-scopes.ts";
import type { Route } from "./routes.ts";

export interface RatePorts {
  readonly clock: Clock;
  readonly rates: RateLeases;
  /** Absent: everything together is not limited, whatever is configured. */
  readonly global?: GlobalLimiter;
  /** The limits of this moment, by tier. */
  tierLimit(tier: Tier): RateLimit | undefined;
  /** Those of this moment that belong to no tier. */
  limits?(): LimitSpecs | undefined;
}

/** What a request takes from: who asks, for what, and where it may go. */
export interface RateRequest {
  readonly caller: Caller;
  readonly request: GenerationRequest;
  readonly candidates: readonly Route[];
  /** As the client called it; absent: no path's limit is meant. */
  readonly path: string | undefined;
}

const UNLIMITED: Admitted = { limit: undefined, release() {} };

/**
 * Takes a request's worth on every level that is limited, from the narrow to the wide, so that who is refused by
 * a limit of its own takes nothing from others: tenant, key, path, model, its tokens, everything. All or nothing.
 * Throws or rejects with `rate_limit_exceeded`, `overloaded`.
 */
export function takeRates(ports: RatePorts, asked: RateRequest): Admitted | Promise<Admitted> {
  const tier = ports.tierLimit(asked.caller.tier);
  const limits = ports.limits?.();
  if (tier === undefined && limits === undefined && asked.caller.limits === null) return UNLIMITED;
  return new Levels(ports, asked, tier, limits).take();
}

type Taking = RateTaken | RateDenied | Promise<RateTaken | RateDenied>;

/** In the order of `#takeAt`. */
const LEVELS = 6;
const TOKENS = 4;

class Levels implements Admitted {
  readonly #scopes: CallerScopes;
  readonly #taken: RateTaken[] = [];
  /** The one with the least left, of which a client is told. */
  #tightest: RateTaken | undefined;
  #tokens: TokensTaken | undefined;
  #needed = 0;
  #level = 0;

  constructor(
    readonly ports: RatePorts,
    readonly asked: RateRequest,
    readonly tier: RateLimit | undefined,
    readonly limits: LimitSpecs | undefined,
  ) {
    this.#scopes = scopesOf(asked.caller);
  }

  get limit(): LimitState | undefined {
    return this.#tightest?.state;
  }

  get tokenLimit(): LimitState | undefined {
    return this.#tokens?.state;
  }

  take(): Admitted | Promise<Admitted> {
    try {
      const now = this.ports.clock.monotonic();
      for (; this.#level < LEVELS; this.#level += 1) {
        const taking = this.#level === TOKENS ? this.#takeTokens(now) : this.#takeAt(this.#level, now);
        if (taking === undefined) continue;
        if (taking instanceof Promise) return this.#takeLater(taking);
        this.#accept(taking);
      }
    } catch (thrown) {
      this.#undo();
      throw thrown;
    }
    return this;
  }

  release(usage?: Usage): void {
    for (const taken of this.#taken) taken.release();
    this.#tokens?.settle(usage === undefined ? 0 : tokensOf(usage));
  }

  async #takeLater(taking: Promise<RateTaken | TokensTaken | RateDenied>): Promise<Admitted> {
    try {
      this.#accept(await taking);
    } catch (thrown) {
      this.#undo();
      throw thrown;
    }
    this.#level += 1;
    return this.take();
  }

  #takeAt(level: number, now: number): Taking | undefined {
    const { ports, asked, tier, limits } = this;
    const { caller } = asked;
    switch (level) {
      case 0:
        return tier === undefined ? undefined : ports.rates.take(this.#scopes.tenant, tier, now);
      case 1: {
        if (caller.limits === null) return undefined;
        const own = this.#scopes.countedAs(caller.limits, limits?.keys ?? DEFAULT_KEY_ALGORITHM);
        return ports.rates.take(this.#scopes.key, own, now);
      }
      case 2: {
        const { path } = asked;
        const rate = path === undefined ? undefined : limits?.api.get(path)?.rate;
        if (path === undefined || rate === undefined) return undefined;
        return ports.rates.take(this.#scopes.path(path), rate, now);
      }
      case 3: {
        const { model } = asked.request;
        const ofModel = limits?.models.get(model);
        if (ofModel?.requests === undefined) return undefined;
        return ports.rates.take(modelScopes(model, ofModel).requests, ofModel.requests, now);
      }
      default:
        return limits?.global === undefined ? undefined : ports.global?.take(limits.global, now);
    }
  }

  /** What the request can use at most is set aside; what it does use is known at its end. */
  #takeTokens(now: number): TokensTaken | RateDenied | Promise<TokensTaken | RateDenied> | undefined {
    const { model } = this.asked.request;
    const ofModel = this.limits?.models.get(model);
    if (ofModel?.tokens === undefined) return undefined;
    this.#needed = mostTokens(this.asked, ofModel.tokens.burst);
    const scope = modelScopes(model, ofModel).tokens;
    return this.ports.rates.takeTokens(scope, ofModel.tokens, this.#needed, now);
  }

  #accept(result: RateTaken | TokensTaken | RateDenied): void {
    if (!result.ok) throw this.#refusal(result);
    if (this.#level === TOKENS && "settle" in result) {
      this.#tokens = result;
      return;
    }
    this.#taken.push(result);
    if (this.#tightest === undefined || result.remaining < this.#tightest.remaining) this.#tightest = result;
  }

  #undo(): void {
    for (const taken of this.#taken.splice(0)) taken.undo();
    this.#tokens?.undo();
    this.#tokens = undefined;
  }

  #refusal({ state, retryAfterMs, isTooLarge }: RateDenied): SluiceError {
    const { key } = this.asked.caller;
    if (this.#level !== TOKENS) {
      const whose = state.name === "global" ? "whole platform (global)" : state.name;
      const message = `Rate limit of ${state.limit} reached for the ${whose} (key ${key}). Try again in ${retryAfterMs} ms.`;
      return new SluiceError("rate_limit_exceeded", message, { retryAfterMs, limit: state });
    }
    const what = `the ${state.name} ${this.asked.request.model} (key ${key})`;
    const needs = `this request can use ${this.#needed}`;
    if (isTooLarge === true) {
      const message = `Too large for ${what}: ${needs} tokens, more than the limit of ${state.limit} a minute. Shorten the prompt or lower max_tokens.`;
      return new SluiceError("rate_limit_exceeded", message, { limit: state });
    }
    const message = `Token limit of ${state.limit} a minute reached for ${what}: ${needs}, ${state.remaining} are left. Try again in ${retryAfterMs} ms.`;
    return new SluiceError("rate_limit_exceeded", message, { retryAfterMs, limit: state });
  }
}

/** Prompt and longest answer. When the client names no longest answer, the whole limit is enough for it. */
function mostTokens({ request, candidates }: RateRequest, whole: number): number {
  const { maxOutputTokens, operation } = request;
  let prompt = request.promptTokens;
  let output = mostOutput(NO_OUTPUT, request);
  for (const route of candidates) {
    prompt = Math.max(prompt, mostPrompt(route, request));
    output = Math.max(output, mostOutput(route, request));
  }
  if (operation === "embedding" || isMediaOperation(operation)) return prompt;
  return maxOutputTokens === undefined ? Math.max(prompt, Math.min(whole, prompt + output)) : prompt + output;
}

/** The least that a candidate can be made to give. */
const NO_OUTPUT = { maxOutputTokens: 0 };

const tokensOf = (usage: Usage): number => promptTokens(usage) + completionTokens(usage);
