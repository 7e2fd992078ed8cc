import { expect, test } from "bun:test";
import { readOptions } from "./options.ts";

test("without a word, all cases, written down", () => {
  const { only, ...more } = readOptions([]);
  expect(only.test("nothing, whole by chat from openai, alone")).toBe(true);
  expect(more).toEqual({ writesReadme: true, target: undefined });
});

test("a part of the wall, or another gateway, leaves the figures alone", () => {
  for (const args of [["--dry"], ["--only", "^cut"], ["--target", "http://127.0.0.1:4000"]])
    expect(readOptions(args).writesReadme).toBe(false);
});

test("another gateway is named with or without its path", () => {
  const target = { url: "http://127.0.0.1:4000", key: "sk-wall", vendorPort: 9_199 };
  for (const url of ["http://127.0.0.1:4000", "http://127.0.0.1:4000/", "http://127.0.0.1:4000/v1"])
    expect(readOptions(["--target", url]).target).toEqual(target);
});

test("what is no option, no pattern or no port is answered with the usage", () => {
  for (const args of [
    ["--only"],
    ["--only", "("],
    ["--target", "x"],
    ["--vendor-port", "0"],
    ["--other", "1"],
  ])
    expect(() => readOptions(args)).toThrow("usage:");
});
