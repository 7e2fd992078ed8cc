import { z } from "zod";
import { ALGORITHMS } from "../../core/algorithms.ts";
import { TIERS } from "../../core/catalog.ts";
import { SluiceError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/generation.ts";
import { keyId, mediaId, tenantId } from "../../core/ids.ts";
import { BUDGET_PERIODS } from "../../core/key-limits.ts";
import { MEDIA_OPERATIONS } from "../../core/media.ts";
import { micropointsOf } from "../../core/points.ts";
import { parseTakeover, type TakeoverPolicy } from "../../core/takeover-policy.ts";
import type { Caller } from "../gateway.ts";
import { BATCH_PATHS, type BatchRequest } from "../requests/batch.ts";
import type { BatchOrder, KeptInput, KeptRequest, PictureOrder } from "./order.ts";

/** JSON knows no bigint: the budget's points go as text. */
export function packOrder(order: PictureOrder | BatchOrder): JsonObject {
  const { caller } = order;
  const budget = caller.budget && { ...caller.budget, points: String(caller.budget.points) };
  return { ...order, caller: { ...caller, budget } };
}

/** What `packOrder` wrote of pictures, on this node or another one. @throws SluiceError `internal_error` for anything else */
export const unpackOrder = (packed: JsonObject): PictureOrder => read(pictureOrder, packed);

/** The same of a batch. */
export const unpackBatchOrder = (packed: JsonObject): BatchOrder => read(batchOrder, packed);

/** A batch's line as its batch was taken with. @throws SluiceError `internal_error` */
export const unpackLine = (kept: JsonObject): Pick<BatchRequest, "url" | "body"> => read(line, kept);

/** As it is, whatever is in it. */
const object = z.custom<JsonObject>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
);
const globs = z.array(z.string()).readonly().nullable();
const takeover = z.custom<TakeoverPolicy>((value) => parseTakeover(value) === value);
const points = z
  .string()
  .regex(/^\d{1,30}$/)
  .transform((text) => micropointsOf(BigInt(text)));

const limits = z.strictObject({
  qps: z.number().exactOptional(),
  burst: z.number().exactOptional(),
  algorithm: z.enum(ALGORITHMS).exactOptional(),
  concurrency: z.number().exactOptional(),
});

const caller: z.ZodType<Caller> = z.strictObject({
  tenant: z.string().transform(tenantId),
  key: z.string().transform(keyId),
  tier: z.enum(TIERS),
  models: globs,
  vendors: globs,
  onShortBalance: z.enum(["cap", "refuse"]),
  limits: limits.nullable(),
  budget: z.strictObject({ points, period: z.enum(BUDGET_PERIODS) }).nullable(),
  takeover: takeover.exactOptional(),
});

const input: z.ZodType<KeptInput> = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("kept"), media: z.string().transform(mediaId) }),
  z.strictObject({ kind: z.literal("url"), url: z.string() }),
]);

const text = z.string().exactOptional();

const request: z.ZodType<KeptRequest> = z.strictObject({
  operation: z.enum(MEDIA_OPERATIONS),
  model: z.string(),
  prompt: text,
  negativePrompt: text,
  inputs: z.array(input).readonly(),
  mask: input.exactOptional(),
  count: z.int().min(1),
  size: z.strictObject({ width: z.number(), height: z.number() }).exactOptional(),
  quality: text,
  style: text,
  background: z.enum(["transparent", "opaque", "auto"]).exactOptional(),
  format: z.enum(["png", "jpeg", "webp", "avif"]).exactOptional(),
  seed: z.number().exactOptional(),
  options: object,
  parent: z.strictObject({ vendor: z.string(), jobId: z.string() }).exactOptional(),
});

/** Strict: a field that a newer node wrote may change what is asked for, and is not left out unseen. */
const about = {
  caller,
  path: z.string(),
  base: z.string(),
  webhookSecret: text,
  dialect: z.literal("midjourney").exactOptional(),
};
const batchOrder: z.ZodType<BatchOrder> = z.strictObject(about);
const pictureOrder: z.ZodType<PictureOrder> = z.strictObject({
  ...about,
  request,
  isBatch: z.literal(true).exactOptional(),
});

const line = z.strictObject({ url: z.enum(BATCH_PATHS), body: object });

function read<Kept>(schema: z.ZodType<Kept>, packed: JsonObject): Kept {
  const { data, error } = schema.safeParse(packed);
  if (data !== undefined) return data;
  // Only where it differs: what it says is the client's.
  const places = error?.issues.map(({ path }) => path.join(".")).join(", ");
  throw new SluiceError("internal_error", "What was kept of this cannot be read.", {
    cause: new Error(`not as expected: ${places}`),
  });
}
