import { describe, expect, test } from "bun:test";
import { fittedSize } from "./fitted-size.ts";

describe("a size within bounds", () => {
  test.each([
    ["is left alone where it fits", [2048, 2048], { pixels: [100, 5_000_000] }, [2048, 2048]],
    ["grows to the least number of pixels", [1024, 1024], { pixels: [3_686_400, 16_777_216] }, [1920, 1920]],
    ["keeps its shape when it grows", [1792, 1024], { pixels: [3_686_400, 16_777_216] }, [2540, 1452]],
    ["shrinks to the most", [8192, 8192], { pixels: [1, 16_777_216] }, [4096, 4096]],
    ["shrinks to the longest side", [2880, 1440], { pixels: [1, 1e9], side: [512, 1440] }, [1440, 720]],
    ["grows to the shortest side", [256, 512], { pixels: [1, 1e9], side: [512, 1440] }, [512, 1024]],
    ["never leaves the sides", [100, 2000], { pixels: [1, 1e9], side: [512, 1440] }, [512, 1440]],
  ] as const)("%s", (_, [width, height], bounds, [w, h]) => {
    expect(fittedSize({ width, height }, bounds)).toEqual({ width: w, height: h });
  });

  test("is never a pixel short or too many, whatever the shape", () => {
    const pixels = [3_686_400, 16_777_216] as const;
    for (let width = 64; width < 9_000; width += 173) {
      for (let height = 64; height < 9_000; height += 211) {
        const { width: w, height: h } = fittedSize({ width, height }, { pixels });
        expect(w * h).toBeGreaterThanOrEqual(pixels[0]);
        expect(w * h).toBeLessThanOrEqual(pixels[1]);
      }
    }
  });
});
