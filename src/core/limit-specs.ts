import type { Algorithm, RateLimit } from "./algorithms.ts";
import type { KeyBudget } from "./key-limits.ts";

/** What is limited besides tenants by their tier, keys and vendors. The objects stay the same while nothing changes. */
export interface LimitSpecs {
  /** All requests of all tenants. */
  readonly global?: RateLimit;
  /** How the limits count that keys have of their own. */
  readonly keys: Algorithm;
  /** By public name, all tenants together. */
  readonly models: ReadonlyMap<string, ModelLimits>;
  /** By path as it is called, each tenant for itself. */
  readonly api: ReadonlyMap<string, ApiLimits>;
}

export interface ModelLimits {
  readonly requests?: Partial<RateLimit> & { readonly concurrency?: number };
  /** Prompt and output; `burst` is a minute's worth. */
  readonly tokens?: RateLimit & { readonly burst: number };
}

export interface ApiLimits {
  readonly rate?: RateLimit;
  readonly cost?: KeyBudget;
}

export const DEFAULT_KEY_ALGORITHM: Algorithm = "sliding-window";
