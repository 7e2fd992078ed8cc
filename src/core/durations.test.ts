import { describe, expect, test } from "bun:test";
import { parseDuration } from "./durations.ts";

describe("lengths of time", () => {
  test.each([
    ["2s", 2_000],
    ["500ms", 500],
    ["5m", 300_000],
    ["1h", 3_600_000],
    ["30d", 2_592_000_000],
    ["1.5s", 1_500],
    ["0s", 0],
  ])("%s is %d milliseconds", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(["", "2", "s", "-2s", "2 s", "2S", "1m30s", "2w", "1e3s", "Infinitys"])(
    "'%s' is no length of time",
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );
});
