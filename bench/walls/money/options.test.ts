import { expect, test } from "bun:test";
import { readOptions } from "./options.ts";

test("without a word, one run of three nodes", () => {
  expect(readOptions([])).toEqual({
    seed: 1,
    runs: 1,
    seconds: 78,
    nodes: 3,
    withRedis: false,
    withIdempotency: false,
    target: undefined,
  });
});

test("another gateway is named with or without its path", () => {
  const target = { url: "http://127.0.0.1:4000", key: "k", model: "wall", vendorPort: 9_199 };
  for (const url of ["http://127.0.0.1:4000", "http://127.0.0.1:4000/", "http://127.0.0.1:4000/v1"]) {
    expect(readOptions(["--target", url, "--key", "k"]).target).toEqual(target);
  }
});

test("what is no option, or out of bounds, is answered with the usage", () => {
  for (const args of [["--seed"], ["--seed", "x"], ["--nodes", "4"], ["--minutes", "0"], ["--other", "1"]]) {
    expect(() => readOptions(args)).toThrow("usage:");
  }
});
