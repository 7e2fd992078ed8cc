import type { RateLimit } from "./algorithms.ts";
import type { HedgeSettings } from "./hedge-settings.ts";
import type { VendorId } from "./ids.ts";
import type { LimitSpecs } from "./limit-specs.ts";
import { MEDIA_OPERATIONS } from "./media.ts";
import type { Price } from "./price.ts";
import { SOUND_OPERATIONS } from "./sound.ts";
import type { TakeoverPolicy } from "./takeover-policy.ts";

/** What the configuration says can be served: vendors, and for each public model where it can be had. */
export interface Catalog {
  readonly vendors: ReadonlyMap<VendorId, VendorSpec>;
  readonly models: ReadonlyMap<string, ModelSpec>;
  readonly routing: RoutingSpec;
  readonly tiers: Readonly<Partial<Record<Tier, RateLimit>>>;
  /** Absent: nothing but tenants, keys and vendors is limited. */
  readonly limits?: LimitSpecs;
}

export const TIERS = ["vip", "normal", "test"] as const;
export type Tier = (typeof TIERS)[number];

/** Every kind of vendor there is a name for; which of them this version can call is `adapters/registry.ts`. */
export const ADAPTER_NAMES = [
  "openai",
  "anthropic",
  "gemini",
  "deepseek",
  "qwen",
  "doubao",
  "midjourney",
  "photoroom",
  "claid",
  "openai-compatible",
  "sandbox",
] as const;
export type AdapterName = (typeof ADAPTER_NAMES)[number];

export interface VendorSpec {
  readonly id: VendorId;
  readonly adapter: AdapterName;
  /** Absent: the adapter's own. Never ends with a slash. */
  readonly baseUrl?: string;
  readonly keys: readonly VendorKey[];
  /** With which the vendor signs its messages about jobs; absent: messages that must be signed are refused. */
  readonly hookSecret?: string;
  readonly region: string;
  readonly limits: VendorLimits;
  readonly timeouts: Timeouts;
}

export interface VendorKey {
  readonly id: string;
  readonly secret: string;
  readonly weight: number;
  /** Vendor model ids by the candidate's model, for vendors whose keys have endpoint ids of their own. */
  readonly models?: Readonly<Record<string, string>>;
}

export interface VendorLimits extends Partial<RateLimit> {
  readonly concurrency?: number;
  /** Requests a day (UTC). */
  readonly dailyQuota?: number;
}

/** The four clocks of a call, in milliseconds. */
export interface Timeouts {
  readonly connectMs: number;
  readonly firstTokenMs: number;
  readonly idleMs: number;
  readonly totalMs: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = {
  connectMs: 10_000,
  firstTokenMs: 60_000,
  idleMs: 60_000,
  totalMs: 600_000,
};

export interface ModelSpec {
  readonly name: string;
  readonly candidates: readonly Candidate[];
}

export interface Candidate {
  readonly vendor: VendorId;
  /** The vendor's own name for the model. */
  readonly model: string;
  /** 0 to 1, the operator's judgement. */
  readonly quality: number;
  /** Absent: not routable (`model_not_priced`). */
  readonly price?: Price;
  /** The most tokens the model can answer with; absent: `DEFAULT_MAX_OUTPUT_TOKENS` is held for. */
  readonly maxOutputTokens?: number;
  /** What it can be asked for; absent: everything its adapter can do. */
  readonly operations?: readonly Operation[];
}

export const OPERATIONS = [
  "chat",
  "completion",
  "embedding",
  "moderation",
  "rerank",
  ...SOUND_OPERATIONS,
  "realtime",
  ...MEDIA_OPERATIONS,
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Whether the answer is a text whose length can be chosen: it can be capped, asked twice at once, gone on with. */
export const writesText = (operation: Operation): boolean =>
  operation === "chat" || operation === "completion";

export interface RoutingSpec {
  readonly strategy: RoutingStrategy;
  readonly weights: { readonly cost: number; readonly performance: number; readonly quality: number };
  /** Whether another vendor goes on with an answer whose vendor died in the middle of it; absent: `DEFAULT_TAKEOVER`. */
  readonly takeover?: TakeoverPolicy;
  /** When a second vendor is asked because the first is slow to begin; absent: `DEFAULT_HEDGE`. */
  readonly hedge?: HedgeSettings;
}

/** `priority` keeps the file's order; the others weigh. */
export const STRATEGIES = ["balanced", "cost", "performance", "quality", "priority"] as const;
export type RoutingStrategy = (typeof STRATEGIES)[number];
