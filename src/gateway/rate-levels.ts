import type { RateDenied, RateLeases, RateTaken, TokensTaken } from "../actors/leases/leases.ts";
import type { Algorithm, RateLimit } from "../core/algorithms.ts";
import type { Tier } from "../core/catalog.ts";
import { type LimitState, SluiceError } from "../core/errors.ts";
import type { GenerationRequest } from "../core/generation.ts";
import type { KeyLimits } from "../core/key-limits.ts";
import { DEFAULT_KEY_ALGORITHM, type LimitSpecs } from "../core/limit-specs.ts";
import { isMediaOperation } from "../core/media.ts";
import { completionTokens, promptTokens, type Usage } from "../core/usage.ts";
import type { Admitted } from "./admission.ts";
import type { Caller } from "./gateway.ts";
import type { GlobalLimiter } from "./global-limiter.ts";
import { mostOutput, mostPrompt } from "./most-tokens.ts";
import type { Route } from "./routes.ts";

export interface RatePorts {
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
  /** The one with the least left. */
  limit: LimitState | undefined;
  tokenLimit: LimitState | undefined;
  readonly #taken: RateTaken[] = [];
  #tokens: TokensTaken | undefined;
  #needed = 0;
  #level = 0;

  constructor(
    readonly ports: RatePorts,
    readonly asked: RateRequest,
    readonly tier: RateLimit | undefined,
    readonly limits: LimitSpecs | undefined,
  ) {}

  take(): Admitted | Promise<Admitted> {
    try {
      for (; this.#level < LEVELS; this.#level += 1) {
        const taking = this.#level === TOKENS ? this.#takeTokens() : this.#takeAt(this.#level);
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

  #takeAt(level: number): Taking | undefined {
    const { ports, asked, tier, limits } = this;
    const { tenant, key, limits: own } = asked.caller;
    switch (level) {
      case 0:
        return tier === undefined ? undefined : ports.rates.take({ kind: "tenant", tenant }, tier);
      case 1:
        if (own === null) return undefined;
        return ports.rates.take({ kind: "key", tenant, key }, countedAs(own, limits?.keys));
      case 2: {
        const { path } = asked;
        const rate = path === undefined ? undefined : limits?.api.get(path)?.rate;
        if (path === undefined || rate === undefined) return undefined;
        return ports.rates.take({ kind: "api", tenant, path }, rate);
      }
      case 3: {
        const { model } = asked.request;
        const requests = limits?.models.get(model)?.requests;
        return requests === undefined ? undefined : ports.rates.take({ kind: "model", model }, requests);
      }
      default:
        return limits?.global === undefined ? undefined : ports.global?.take(limits.global);
    }
  }

  /** What the request can use at most is set aside; what it does use is known at its end. */
  #takeTokens(): TokensTaken | RateDenied | Promise<TokensTaken | RateDenied> | undefined {
    const { model } = this.asked.request;
    const limit = this.limits?.models.get(model)?.tokens;
    if (limit === undefined) return undefined;
    this.#needed = mostTokens(this.asked, limit.burst);
    return this.ports.rates.takeTokens({ kind: "tokens", model }, limit, this.#needed);
  }

  #accept(result: RateTaken | TokensTaken | RateDenied): void {
    if (!result.ok) throw this.#refusal(result);
    if (this.#level === TOKENS && "settle" in result) {
      this.#tokens = result;
      this.tokenLimit = result.state && { ...result.state, unit: "tokens" };
    } else {
      this.#taken.push(result);
      this.limit = tighter(this.limit, result.state);
    }
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
    const limit: LimitState = { ...state, unit: "tokens" };
    const what = `the ${state.name} ${this.asked.request.model} (key ${key})`;
    const needs = `this request can use ${this.#needed}`;
    if (isTooLarge === true) {
      const message = `Too large for ${what}: ${needs} tokens, more than the limit of ${state.limit} a minute. Shorten the prompt or lower max_tokens.`;
      return new SluiceError("rate_limit_exceeded", message, { limit });
    }
    const message = `Token limit of ${state.limit} a minute reached for ${what}: ${needs}, ${state.remaining} are left. Try again in ${retryAfterMs} ms.`;
    return new SluiceError("rate_limit_exceeded", message, { retryAfterMs, limit });
  }
}

/** Prompt and longest answer. When the client names no longest answer, the whole limit is enough for it. */
function mostTokens({ request, candidates }: RateRequest, whole: number): number {
  const { maxOutputTokens, operation } = request;
  const prompt = candidates.reduce(
    (most, route) => Math.max(most, mostPrompt(route, request)),
    request.promptTokens,
  );
  if (operation === "embedding" || isMediaOperation(operation)) return prompt;
  const output = candidates.reduce(
    (most, route) => Math.max(most, mostOutput(route, request)),
    mostOutput({ maxOutputTokens: 0 }, request),
  );
  return maxOutputTokens === undefined ? Math.max(prompt, Math.min(whole, prompt + output)) : prompt + output;
}

const tokensOf = (usage: Usage): number => promptTokens(usage) + completionTokens(usage);

/** Which of two limits a client should be told of: the one with less left. */
function tighter(a: LimitState | undefined, b: LimitState | undefined): LimitState | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.remaining <= b.remaining ? a : b;
}

/** Limits of keys are kept without an algorithm; made once for each, since leases know limits by their object. */
const counted = new WeakMap<KeyLimits, KeyLimits>();

function countedAs(own: KeyLimits, algorithm: Algorithm = DEFAULT_KEY_ALGORITHM): KeyLimits {
  const known = counted.get(own);
  if (known?.algorithm === algorithm) return known;
  const made = { ...own, algorithm };
  counted.set(own, made);
  return made;
}
