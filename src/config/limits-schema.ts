import { z } from "zod";
import { ALGORITHMS } from "../core/algorithms.ts";
import { count, positive } from "./fields.ts";

/** Limits toward one vendor. */
export const limitsSchema = z.strictObject({
  qps: positive.optional().describe("Requests a second toward the vendor."),
  burst: count.optional().describe("Requests that may go at once; absent: one second's worth."),
  concurrency: count.optional().describe("Requests that may run at the same time."),
  dailyQuota: count.optional().describe("Requests a day (UTC)."),
  algorithm: z.enum(ALGORITHMS).optional().describe("How `qps` counts; absent: leaky-bucket."),
});
