import { expect, test } from "bun:test";
import { requestId, vendorId } from "../core/ids.ts";
import { micropointsOf } from "../core/points.ts";
import type { Started } from "../gateway/gateway.ts";
import { answeredStream, answeredWhole, generationHeaders } from "./generation-response.ts";

const startedAt = (vendorModel: string, more: Partial<Started> = {}): Started => ({
  requestId: requestId("req_a"),
  vendor: vendorId("v"),
  vendorModel,
  attempts: 1,
  ...more,
});

const toldBy = ({ headers }: Response): Record<string, string> => headers.toJSON();

test("a whole answer says who gave it and what it cost", () => {
  expect(toldBy(answeredWhole("{}", startedAt("m"), micropointsOf(1_500_000n)))).toEqual({
    "content-type": "application/json",
    "x-request-id": "req_a",
    "x-sluice-vendor": "v",
    "x-sluice-model": "m",
    "x-sluice-attempts": "1",
    "x-sluice-cost": "1.5",
  });
});

test("a stream is held back by no proxy, and tells its limits", () => {
  const limit = { name: "key", limit: 10, remaining: 3.5, resetMs: 250 };
  const tokenLimit = { ...limit, unit: "tokens" } as const;
  expect(toldBy(answeredStream(new ReadableStream(), startedAt("m", { limit, tokenLimit })))).toEqual({
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
    "x-request-id": "req_a",
    "x-sluice-vendor": "v",
    "x-sluice-model": "m",
    "x-sluice-attempts": "1",
    "x-ratelimit-limit-requests": "10",
    "x-ratelimit-remaining-requests": "3",
    "x-ratelimit-reset-requests": "250ms",
    "x-ratelimit-limit-tokens": "10",
    "x-ratelimit-remaining-tokens": "3",
    "x-ratelimit-reset-tokens": "250ms",
  });
});

test("what one answer says is in no other of its model", () => {
  const unusual = startedAt("模型", { attempts: 3, cappedOutputTokens: 7, dropped: ["seed"] });
  const first = answeredWhole("{}", unusual, micropointsOf(0n));
  first.headers.set("x-sluice-model", "changed");
  expect(toldBy(first)).toMatchObject({
    "x-sluice-attempts": "3",
    "x-sluice-capped": "7",
    "x-sluice-dropped": "seed",
  });
  const next = answeredWhole("{}", startedAt("模型"), micropointsOf(0n));
  expect(toldBy(next)).toEqual({
    "content-type": "application/json",
    "x-request-id": "req_a",
    "x-sluice-vendor": "v",
    "x-sluice-model": encodeURIComponent("模型"),
    "x-sluice-attempts": "1",
    "x-sluice-cost": "0",
  });
});

test("headers alone name no content", () => {
  expect(generationHeaders(startedAt("m")).toJSON()).toEqual({
    "x-request-id": "req_a",
    "x-sluice-vendor": "v",
    "x-sluice-model": "m",
    "x-sluice-attempts": "1",
  });
});
