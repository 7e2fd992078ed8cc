import { timingSafeEqual } from "node:crypto";
import type { RequestId, TenantId } from "../core/ids.ts";
import { formatPoints, micropointsOf } from "../core/points.ts";
import type { Usage } from "../core/usage.ts";
import { type AppliedTerms, appliedTerms } from "./applied-terms.ts";
import type { Sql } from "./database.ts";
import { type PriceDocument, priceOfDocument } from "./price-document.ts";
import type { AttemptRecord, UsageFlag } from "./records.ts";

/** What one request was charged and why, signed by the gateway. */
export interface Receipt extends UnsignedReceipt {
  /** HMAC-SHA256 (hex) over the rest as JSON with sorted keys. */
  readonly signature: string;
}

export interface UnsignedReceipt {
  readonly request_id: string;
  readonly tenant: string;
  readonly key: string;
  /** ISO 8601, when the request was admitted. */
  readonly at: string;
  readonly operation: string;
  readonly model: string;
  readonly vendor: string | null;
  readonly vendor_model: string | null;
  readonly region: string;
  readonly stream: string | null;
  readonly outcome: string;
  readonly finish_reason: string | null;
  readonly error_code: string | null;
  readonly duration_ms: number;
  readonly first_token_ms: number | null;
  readonly usage: ReceiptUsage;
  readonly price: PriceDocument | null;
  /** What of the price was applied; null: nothing, or each attempt says its own. */
  readonly applied: AppliedTerms | null;
  /** Points, as a decimal string. */
  readonly charged: string;
  /** What the platform bore. */
  readonly loss: string;
  readonly flags: readonly UsageFlag[];
  readonly attempts: readonly ReceiptAttempt[];
}

/** Token classes without overlap, images and seconds; what is rare only where it was counted. */
export interface ReceiptUsage {
  readonly input: number;
  readonly cached_input: number;
  readonly cache_write: number;
  readonly output: number;
  readonly reasoning: number;
  readonly images: number;
  readonly seconds: number;
  readonly cache_write_long?: number;
  readonly audio_input?: number;
  readonly image_input?: number;
  readonly audio_output?: number;
  readonly image_output?: number;
  readonly characters?: number;
  readonly image_variants?: Readonly<Record<string, number>>;
  readonly service_tier?: string;
}

/** One call of a vendor. */
export interface ReceiptAttempt {
  readonly vendor: string;
  readonly vendor_model: string;
  readonly key: string;
  /** After the request was admitted. */
  readonly started_ms: number;
  readonly duration_ms: number;
  readonly result: AttemptRecord["result"];
  readonly status: number;
  readonly error_code: string | null;
  readonly vendor_code: string | null;
  /** What this call consumed, and its part of the cost in points; only where more than one call did. */
  readonly usage?: ReceiptUsage;
  readonly cost?: string;
  /** The price of its own that it was charged by, and what of it was applied. */
  readonly price?: PriceDocument;
  readonly applied?: AppliedTerms;
}

export interface Receipts {
  /** Undefined when there is no such request, or it is another tenant's. */
  get(request: RequestId, tenant?: TenantId): Promise<Receipt | undefined>;
}

interface Row {
  readonly id: string;
  readonly tenant: string;
  readonly key: string;
  readonly at: Date;
  readonly operation: string;
  readonly model: string;
  readonly vendor: string | null;
  readonly vendor_model: string | null;
  readonly region: string;
  readonly stream: string | null;
  readonly outcome: string;
  readonly finish_reason: string | null;
  readonly error_code: string | null;
  readonly duration_ms: bigint;
  readonly first_token_ms: bigint | null;
  readonly usage: Usage;
  readonly spec: PriceDocument | null;
  readonly charged: bigint;
  readonly loss: bigint;
  readonly flags: UsageFlag[];
  readonly attempts: StoredAttempt[];
}

/** As it stands in the ledger: its amount is a number in text. */
type StoredAttempt = Omit<AttemptRecord, "cost"> & { readonly cost?: string };
type AttemptPrices = ReadonlyMap<string, PriceDocument>;

/** @param secret the key that signs; whoever has it can verify */
export function createReceipts(sql: Sql, secret: Uint8Array): Receipts {
  return {
    async get(request, tenant) {
      const [row] = await sql<Row[]>`
        select u.*, p.spec from usage u left join price p on p.id = u.price
        where u.id = ${request} and (${tenant ?? null}::text is null or u.tenant = ${tenant ?? null}) limit 1`;
      if (row === undefined) return undefined;
      return signReceipt(receiptOf(row, await attemptPrices(sql, row.attempts)), secret);
    },
  };
}

async function attemptPrices(sql: Sql, attempts: readonly StoredAttempt[]): Promise<AttemptPrices> {
  const ids = attempts.flatMap(({ price }) => (price === undefined ? [] : [price]));
  if (ids.length === 0) return new Map();
  const rows = await sql<{ id: string; spec: PriceDocument }[]>`
    select id, spec from price where id in ${sql([...new Set(ids)])}`;
  return new Map(rows.map(({ id, spec }) => [id, spec]));
}

/** The receipt with its signature, by an HMAC over all that it says. */
export function signReceipt(receipt: UnsignedReceipt, secret: Uint8Array): Receipt {
  return { ...receipt, signature: signatureOf(receipt, secret) };
}

/** True when the receipt is as the gateway signed it. */
export function verifyReceipt({ signature, ...receipt }: Receipt, secret: Uint8Array): boolean {
  const expected = Buffer.from(signatureOf(receipt, secret), "hex");
  const given = Buffer.from(signature, "hex");
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function signatureOf(receipt: UnsignedReceipt, secret: Uint8Array): string {
  return new Bun.CryptoHasher("sha256", secret).update(canonical(receipt)).digest("hex");
}

/** JSON with sorted keys at every depth: the same receipt has the same text wherever it was stored. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function receiptOf(row: Row, prices: AttemptPrices): UnsignedReceipt {
  const at = row.at.getTime();
  const isShared = row.attempts.some(({ usage }) => usage !== undefined);
  return {
    request_id: row.id,
    tenant: row.tenant,
    key: row.key,
    at: row.at.toISOString(),
    operation: row.operation,
    model: row.model,
    vendor: row.vendor,
    vendor_model: row.vendor_model,
    region: row.region,
    stream: row.stream,
    outcome: row.outcome,
    finish_reason: row.finish_reason,
    error_code: row.error_code,
    duration_ms: Number(row.duration_ms),
    first_token_ms: row.first_token_ms === null ? null : Number(row.first_token_ms),
    usage: usageOf(row.usage),
    price: row.spec,
    applied: row.spec === null || isShared ? null : termsOf(row.spec, row.usage, at),
    charged: formatPoints(micropointsOf(row.charged)),
    loss: formatPoints(micropointsOf(row.loss)),
    flags: row.flags,
    attempts: row.attempts.map((attempt) => attemptOf(attempt, prices, at)),
  };
}

function termsOf(document: PriceDocument, usage: Usage, at: number): AppliedTerms | null {
  const price = priceOfDocument(document);
  return price === undefined ? null : appliedTerms(price, usage, at);
}

function usageOf(usage: Usage): ReceiptUsage {
  const { cacheWriteLong, audioInput, imageInput, audioOutput, imageOutput, characters } = usage;
  const { imageVariants, serviceTier } = usage;
  return {
    input: usage.input,
    cached_input: usage.cachedInput,
    cache_write: usage.cacheWrite,
    output: usage.output,
    reasoning: usage.reasoning,
    images: usage.images,
    seconds: usage.seconds,
    ...(cacheWriteLong === undefined ? {} : { cache_write_long: cacheWriteLong }),
    ...(audioInput === undefined ? {} : { audio_input: audioInput }),
    ...(imageInput === undefined ? {} : { image_input: imageInput }),
    ...(audioOutput === undefined ? {} : { audio_output: audioOutput }),
    ...(imageOutput === undefined ? {} : { image_output: imageOutput }),
    ...(characters === undefined ? {} : { characters }),
    ...(imageVariants === undefined ? {} : { image_variants: imageVariants }),
    ...(serviceTier === undefined ? {} : { service_tier: serviceTier }),
  };
}

function attemptOf(attempt: StoredAttempt, prices: AttemptPrices, at: number): ReceiptAttempt {
  const { usage, cost } = attempt;
  const price = attempt.price === undefined ? undefined : prices.get(attempt.price);
  const applied = price === undefined || usage === undefined ? null : termsOf(price, usage, at);
  return {
    vendor: attempt.vendor,
    vendor_model: attempt.vendorModel,
    key: attempt.keyId,
    started_ms: attempt.startedMs,
    duration_ms: attempt.durationMs,
    result: attempt.result,
    status: attempt.status,
    error_code: attempt.errorCode,
    vendor_code: attempt.vendorCode,
    ...(usage === undefined ? {} : { usage: usageOf(usage) }),
    ...(cost === undefined ? {} : { cost: formatPoints(micropointsOf(BigInt(cost))) }),
    ...(price === undefined ? {} : { price }),
    ...(applied === null ? {} : { applied }),
  };
}
