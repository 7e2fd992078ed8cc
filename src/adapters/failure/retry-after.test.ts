import { describe, expect, test } from "bun:test";
import { durationMs, retryAfterMs } from "./retry-after.ts";

const DATE = "Mon, 23 Nov 2026 10:00:00 GMT";

describe("when to try again", () => {
  test.each([
    [{ "retry-after": "2" }, "", 2_000],
    [{ "retry-after": "0.25" }, "", 250],
    [{ "retry-after-ms": "120", "retry-after": "2" }, "", 120],
    [{ "retry-after": "1849295" }, "", 1_849_295_000],
    [{ "retry-after": "Mon, 23 Nov 2026 10:00:30 GMT", date: DATE }, "", 30_000],
    [{ "retry-after": "Mon, 23 Nov 2026 09:00:00 GMT", date: DATE }, "", 0],
    [{ "retry-after": "Mon, 23 Nov 2026 10:00:30 GMT" }, "", undefined],
    [{ "retry-after": "soon" }, "", undefined],
    [{ "retry-after": "-1" }, "", undefined],
    [{}, "Rate limit reached. Please try again in 1.2s. Visit…", 1_200],
    [{}, "Please try again in 6m0s.", 360_000],
    [{}, "Please try again in 120ms.", 120],
    [{}, "Please try again later.", undefined],
    [{}, "", undefined],
  ])("%j %s is %p ms", (headers, message, expected) => {
    expect(retryAfterMs(new Headers(Object.entries(headers)), message)).toBe(expected);
  });

  test.each([
    ["1h2m3s", 3_723_000],
    ["1s", 1_000],
    ["120ms", 120],
    ["", undefined],
  ])("the duration %s is %p ms", (text, expected) => {
    expect(durationMs(text)).toBe(expected);
  });
});
