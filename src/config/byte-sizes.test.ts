import { describe, expect, test } from "bun:test";
import { parseByteSize } from "./byte-sizes.ts";

describe("sizes", () => {
  test.each([
    ["32MiB", 33_554_432],
    ["32 MiB", 33_554_432],
    ["1.5KB", 1_500],
    ["1GiB", 1_073_741_824],
    ["100B", 100],
    [1024, 1024],
  ] as const)("%s is %d bytes", (text, bytes) => {
    expect(parseByteSize(text)).toBe(bytes);
  });

  test.each(["", "32", "MiB", "-1MiB", "32Mb", "32mib", 1.5, -1, Number.NaN])("%s is no size", (value) => {
    expect(parseByteSize(value)).toBeUndefined();
  });
});
