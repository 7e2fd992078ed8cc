import type { Algorithm } from "../core/algorithms.ts";
import {
  type Candidate,
  DEFAULT_TIMEOUTS,
  type ModelSpec,
  type RoutingSpec,
  type Timeouts,
  type VendorKey,
  type VendorLimits,
  type VendorSpec,
} from "../core/catalog.ts";
import { parseDuration } from "../core/durations.ts";
import { DEFAULT_HEDGE, type HedgeSettings } from "../core/hedge-settings.ts";
import { vendorId } from "../core/ids.ts";
import { DEFAULT_OVERLOAD, type OverloadSettings } from "../core/overload-settings.ts";
import { parsePoints } from "../core/points.ts";
import { parseTakeover } from "../core/takeover-policy.ts";
import { parseByteSize } from "./byte-sizes.ts";
import { conceal } from "./concealed.ts";
import { priceOf } from "./prices.ts";
import {
  type CandidateInput,
  type KeyInput,
  keyIdOf,
  type OverloadInput,
  type RoutingInput,
  type UnpricedInput,
  type VendorInput,
} from "./schema.ts";

/** Core types out of input that has passed its schema: from the file as from the admin API. */

/** Vendors refuse bursts: requests leave evenly. */
const VENDOR_ALGORITHM: Algorithm = "leaky-bucket";
const DEFAULT_QUALITY = 0.5;
const DEFAULT_REGION = "global";
const DEFAULT_ROUTING: RoutingSpec = {
  strategy: "balanced",
  weights: { cost: 0.4, performance: 0.3, quality: 0.3 },
};

/** A checked vendor of the file with all that it leaves out; its secrets do not show in logs. */
export function vendorSpecOf(id: string, input: VendorInput): VendorSpec {
  const { hookSecret } = input;
  const spec: VendorSpec = {
    id: vendorId(id),
    adapter: input.adapter,
    ...(input.baseUrl === undefined ? {} : { baseUrl: input.baseUrl.replace(/\/+$/, "") }),
    keys: (input.keys ?? []).map(vendorKeyOf),
    region: input.region ?? DEFAULT_REGION,
    limits: limitsOf(input.limits ?? {}),
    timeouts: timeoutsOf(input.timeouts ?? {}),
  };
  return hookSecret === undefined ? spec : conceal({ ...spec, hookSecret }, ["hookSecret"]);
}

/** A checked model with its candidates, in the order of the file. */
export function modelSpecOf(name: string, input: readonly (CandidateInput | UnpricedInput)[]): ModelSpec {
  return { name, candidates: input.map(candidateOf) };
}

/** `routing` of the file with all that it leaves out. */
export function routingOf(input: RoutingInput | undefined): RoutingSpec {
  const takeover = parseTakeover(input?.takeover);
  return {
    strategy: input?.strategy ?? DEFAULT_ROUTING.strategy,
    weights: input?.weights ?? DEFAULT_ROUTING.weights,
    ...(takeover === undefined ? {} : { takeover }),
    ...(input?.hedge === undefined ? {} : { hedge: hedgeOf(input.hedge) }),
  };
}

function hedgeOf({ enabled, percentile, maxExtraCost }: NonNullable<RoutingInput["hedge"]>): HedgeSettings {
  const most = parsePoints(maxExtraCost);
  return {
    enabled,
    percentile: percentile ?? DEFAULT_HEDGE.percentile,
    ...(most === undefined ? {} : { maxExtraCost: most }),
  };
}

/** `server.overload` of the file with all that it leaves out. */
export function overloadOf({ lag, maxInFlight, minInFlight, memory }: OverloadInput): OverloadSettings {
  const memoryBytes = memory === undefined ? undefined : parseByteSize(memory);
  const usual = DEFAULT_OVERLOAD;
  return {
    lagMs: parseDuration(lag ?? "") ?? usual.lagMs,
    maxInFlight: maxInFlight ?? usual.maxInFlight,
    minInFlight: minInFlight ?? usual.minInFlight,
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
  };
}

function limitsOf(input: NonNullable<VendorInput["limits"]>): VendorLimits {
  return {
    ...(input.qps === undefined ? {} : { qps: input.qps, algorithm: input.algorithm ?? VENDOR_ALGORITHM }),
    ...(input.burst === undefined ? {} : { burst: input.burst }),
    ...(input.concurrency === undefined ? {} : { concurrency: input.concurrency }),
    ...(input.dailyQuota === undefined ? {} : { dailyQuota: input.dailyQuota }),
  };
}

function candidateOf(input: CandidateInput | UnpricedInput): Candidate {
  return {
    vendor: vendorId(input.vendor),
    model: input.model,
    quality: input.quality ?? DEFAULT_QUALITY,
    ...(input.price === undefined ? {} : { price: priceOf(input.price) }),
    ...(input.maxOutput === undefined ? {} : { maxOutputTokens: input.maxOutput }),
    ...(input.operations === undefined ? {} : { operations: input.operations }),
  };
}

function vendorKeyOf(input: KeyInput, index: number): VendorKey {
  const given: Exclude<KeyInput, string> = typeof input === "string" ? { key: input } : input;
  const key: VendorKey = {
    id: keyIdOf(input, index),
    secret: given.key,
    weight: given.weight ?? 1,
    ...(given.models === undefined ? {} : { models: given.models }),
  };
  return conceal(key, ["secret"]);
}

function timeoutsOf(input: NonNullable<VendorInput["timeouts"]>): Timeouts {
  return {
    connectMs: msOf(input.connect, DEFAULT_TIMEOUTS.connectMs),
    firstTokenMs: msOf(input.firstToken, DEFAULT_TIMEOUTS.firstTokenMs),
    idleMs: msOf(input.idle, DEFAULT_TIMEOUTS.idleMs),
    totalMs: msOf(input.total, DEFAULT_TIMEOUTS.totalMs),
  };
}

function msOf(text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : (parseDuration(text) ?? otherwise);
}
