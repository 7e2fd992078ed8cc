import type { Algorithm, RateLimit } from "../core/algorithms.ts";
import type { Catalog } from "../core/catalog.ts";
import {
  type ApiLimits,
  DEFAULT_KEY_ALGORITHM,
  type LimitSpecs,
  type ModelLimits,
} from "../core/limit-specs.ts";
import { parseRate, parseSpending } from "./fields.ts";
import type { RateLimitInput } from "./rate-limit-schema.ts";

/** What is limited, out of a `rateLimit` that has passed its schema, with each level's own algorithm. */

const MINUTE_S = 60;

type Request = NonNullable<RateLimitInput["global"]>;

/** Limits of tenants by their tier, which are counted by a sliding window unless the file says otherwise. */
export function tiersOf(input: RateLimitInput | undefined): Catalog["tiers"] {
  return Object.fromEntries(
    Object.entries(input?.tiers ?? {}).flatMap(([tier, limit]) =>
      limit === undefined ? [] : [[tier, requestLimitOf(limit, "sliding-window")]],
    ),
  );
}

/** Undefined when it limits nothing of the kind. */
export function limitSpecsOf(input: RateLimitInput | undefined): LimitSpecs | undefined {
  if (input === undefined) return undefined;
  const { global, keys, models, api } = input;
  if (global === undefined && keys === undefined && models === undefined && api === undefined)
    return undefined;
  return {
    ...(global === undefined ? {} : { global: requestLimitOf(global, "token-bucket") }),
    keys: keys?.algorithm ?? DEFAULT_KEY_ALGORITHM,
    models: new Map(Object.entries(models ?? {}).map(([name, limits]) => [name, modelLimitsOf(limits)])),
    api: new Map(Object.entries(api ?? {}).map(([path, limits]) => [path, apiLimitsOf(limits)])),
  };
}

const requestLimitOf = ({ qps, burst, algorithm }: Request, usual: Algorithm): RateLimit => ({
  qps,
  ...(burst === undefined ? {} : { burst }),
  algorithm: algorithm ?? usual,
});

function modelLimitsOf(input: NonNullable<RateLimitInput["models"]>[string]): ModelLimits {
  const { qps, burst, tpm, concurrency } = input;
  const algorithm = input.algorithm ?? "token-bucket";
  const requests = {
    ...(qps === undefined ? {} : { qps, algorithm }),
    ...(burst === undefined ? {} : { burst }),
    ...(concurrency === undefined ? {} : { concurrency }),
  };
  return {
    ...(qps === undefined && concurrency === undefined ? {} : { requests }),
    ...(tpm === undefined ? {} : { tokens: { qps: tpm / MINUTE_S, burst: tpm, algorithm } }),
  };
}

function apiLimitsOf({ rate, cost, algorithm }: NonNullable<RateLimitInput["api"]>[string]): ApiLimits {
  const parsed = rate === undefined ? undefined : parseRate(rate);
  const budget = cost === undefined ? undefined : parseSpending(cost);
  return {
    ...(parsed === undefined
      ? {}
      : {
          rate: {
            qps: parsed.count / parsed.seconds,
            burst: parsed.count,
            algorithm: algorithm ?? "sliding-window",
          },
        }),
    ...(budget === undefined ? {} : { cost: budget }),
  };
}
