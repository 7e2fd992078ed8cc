import { z } from "zod";
import { ALGORITHMS } from "../core/algorithms.ts";
import type { Tier } from "../core/catalog.ts";
import { apiPath, count, modelName, positive, requestRate, shortName, spending } from "./fields.ts";
import { limitsSchema } from "./limits-schema.ts";

/** Requests can wait for their turn at a vendor, where another one may answer sooner; nowhere else. */
const algorithm = z
  .enum(["token-bucket", "sliding-window"], {
    error: (issue) =>
      ALGORITHMS.some((name) => name === issue.input)
        ? `cannot be ${String(issue.input)} here: only toward vendors`
        : undefined,
  })
  .optional();

const requestLimit = z.strictObject({
  qps: positive.describe("Requests a second."),
  burst: count.optional().describe("Requests that may come at once; absent: one second's worth."),
  algorithm,
});

const modelLimit = z
  .strictObject({
    qps: positive.optional().describe("Requests a second, of all tenants."),
    burst: count.optional().describe("Requests that may come at once; absent: one second's worth."),
    tpm: count.optional().describe("Tokens a minute, prompt and output; the most that one request can have."),
    concurrency: count.optional().describe("Requests that may run at the same time."),
    algorithm: algorithm.describe("How `qps` and `tpm` count; absent: token-bucket."),
  })
  .superRefine(({ qps, burst, tpm, concurrency, algorithm: counts }, context) => {
    const problem = (field: string, message: string): void =>
      context.addIssue({ code: "custom", path: [field], message });
    if (burst !== undefined && qps === undefined) problem("burst", "says nothing without qps");
    if (counts !== undefined && qps === undefined && tpm === undefined) {
      problem("algorithm", "says nothing without qps or tpm");
    }
    if (qps === undefined && tpm === undefined && concurrency === undefined) {
      context.addIssue({ code: "custom", message: "must have qps, tpm or concurrency" });
    }
  });

const apiLimit = z
  .strictObject({
    rate: requestRate.optional(),
    cost: spending.optional(),
    algorithm: algorithm.describe("How `rate` counts; absent: sliding-window."),
  })
  .superRefine(({ rate, cost, algorithm: counts }, context) => {
    if (counts !== undefined && rate === undefined) {
      context.addIssue({ code: "custom", path: ["algorithm"], message: "says nothing without rate" });
    }
    if (rate === undefined && cost === undefined) {
      context.addIssue({ code: "custom", message: "must have rate or cost" });
    }
  });

export const rateLimitSchema = z.strictObject({
  global: requestLimit.optional().describe("All requests of all tenants."),
  tiers: z
    .strictObject({
      vip: requestLimit.optional(),
      normal: requestLimit.optional(),
      test: requestLimit.optional(),
    } satisfies Record<Tier, unknown>)
    .optional()
    .describe("What one tenant may ask for a second, by its tier."),
  keys: z
    .strictObject({ algorithm })
    .optional()
    .describe("How the limits count that keys have of their own; absent: sliding-window."),
  vendors: z
    .record(shortName, limitsSchema.omit({ concurrency: true }))
    .optional()
    .describe("The same as `limits` of the vendor itself."),
  models: z
    .record(modelName, modelLimit)
    .optional()
    .describe("By the name that clients ask for, all tenants together."),
  api: z.record(apiPath, apiLimit).optional().describe("By path as it is called, each tenant for itself."),
});
export type RateLimitInput = z.input<typeof rateLimitSchema>;
