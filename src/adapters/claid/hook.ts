import { createHmac, timingSafeEqual } from "node:crypto";
import { objectOf, parseJson } from "../json.ts";
import type { HookMessage, HookNews } from "../media-adapter.ts";
import { jobOf, readJob } from "./jobs.ts";

const SIGNATURE = "x-claid-hmac-sha256";

/**
 * A message of the account's webhook: what a question would have been answered with, signed by HMAC-SHA256 of the body
 * with the account's secret. Whether that is written in hex or base64 is not documented: either will do. A message that
 * does not say which kind of job it is about is left to the next question.
 */
export function readHook({ headers, body, secret }: HookMessage): HookNews | undefined {
  const signature = headers.get(SIGNATURE)?.trim();
  if (secret === undefined || secret === "" || signature === undefined) return undefined;
  const right = createHmac("sha256", secret).update(body).digest();
  const isRight = [Buffer.from(signature, "hex"), Buffer.from(signature, "base64")].some(
    (given) => given.length === right.length && timingSafeEqual(given, right),
  );
  if (!isRight) return undefined;
  const envelope = objectOf(
    parseJson(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8")),
  );
  const job = jobOf(objectOf(envelope?.data) ?? envelope ?? {}, undefined);
  if (job === undefined) return undefined;
  const state = readJob({ status: 200, headers, body, secret }, undefined);
  // What cannot be read of a job is no end of it.
  if (state.kind === "failed" && state.mayHaveRun === true) return { jobId: job.jobId };
  return { jobId: job.jobId, state };
}
