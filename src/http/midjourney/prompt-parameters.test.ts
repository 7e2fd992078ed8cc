import { describe, expect, test } from "bun:test";
import { readPrompt } from "./prompt-parameters.ts";

describe("a prompt of Midjourney's", () => {
  test("is its words, and behind them what other vendors know as well", () => {
    expect(
      readPrompt("a cat, 4k -- not a parameter --ar 16:9 --no dogs, cars --seed 7 --v 7 --tile"),
    ).toEqual({
      words: "a cat, 4k -- not a parameter",
      parameters: "--ar 16:9 --no dogs, cars --seed 7 --v 7 --tile",
      size: { width: 1360, height: 768 },
      negativePrompt: "dogs, cars",
      seed: 7,
    });
  });

  test("without parameters is words alone, and with nothing else has none", () => {
    expect(readPrompt("  a well-known cat ")).toEqual({ words: "a well-known cat", parameters: "" });
    expect(readPrompt("--v 7")).toEqual({ words: "", parameters: "--v 7" });
  });

  test.each([
    ["--ar 1:1", { width: 1024, height: 1024 }],
    ["--aspect 2:3", { width: 832, height: 1248 }],
    ["—ar 3:2", { width: 1248, height: 832 }],
    ["--ar 100:1", { width: 4096, height: 96 }],
    ["--ar 0:1", undefined],
    ["--ar 1:0", undefined],
    ["--ar wide", undefined],
  ])("%s is %j", (parameters, size) => {
    expect(readPrompt(`x ${parameters}`).size).toEqual(size);
  });

  test("that is long and odd is read all the same", () => {
    const { parameters } = readPrompt(`x ${"--a ".repeat(8_000)}`);
    expect(parameters.length).toBe(4 * 8_000 - 1);
    expect(readPrompt("- ".repeat(16_000)).parameters).toBe("");
    // Took minutes where each blank was looked at from each before it.
    expect(readPrompt(`x --no a${" ".repeat(1_000_000)}b`).negativePrompt).toBe("a b");
  });
});
