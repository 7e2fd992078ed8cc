import type { VendorId } from "./ids.ts";
import type { Price } from "./price.ts";

/** What the configuration says can be served: vendors, and for each public model where it can be had. */
export interface Catalog {
  readonly vendors: ReadonlyMap<VendorId, VendorSpec>;
  readonly models: ReadonlyMap<string, ModelSpec>;
  readonly routing: RoutingSpec;
  readonly tiers: Readonly<Partial<Record<Tier, RateLimit>>>;
}

export type Tier = "vip" | "normal" | "test";
export const TIERS: readonly Tier[] = ["vip", "normal", "test"];

export interface RateLimit {
  /** Requests a second. */
  readonly qps: number;
  /** Bucket size; absent: one second's worth, at least 1. */
  readonly burst?: number;
}

export type AdapterName =
  | "openai"
  | "anthropic"
  | "gemini"
  | "deepseek"
  | "qwen"
  | "doubao"
  | "midjourney"
  | "photoroom"
  | "claid"
  | "openai-compatible"
  | "sandbox";

export interface VendorSpec {
  readonly id: VendorId;
  readonly adapter: AdapterName;
  /** Absent: the adapter's own. Never ends with a slash. */
  readonly baseUrl?: string;
  readonly keys: readonly VendorKey[];
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

export type Operation = "chat" | "completion" | "embedding";

export interface RoutingSpec {
  readonly strategy: RoutingStrategy;
  readonly weights: { readonly cost: number; readonly performance: number; readonly quality: number };
}

/** `priority` keeps the file's order; the others weigh. */
export type RoutingStrategy = "balanced" | "cost" | "performance" | "quality" | "priority";
