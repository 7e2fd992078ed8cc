import { expect, test } from "bun:test";
import { headerList, headerText } from "./header-text.ts";

test.each([
  "plain-name_1.5",
  "with space",
  "模型",
  "a\r\nset-cookie: x",
  "nul\0",
  "half \ud83d pair",
  "ünïcode",
])("%j can stand in a header", (text) => {
  const headers = new Headers({ "x-test": headerText(text) });
  expect(headers.get("x-test")).toMatch(/^[\x20-\x7e]*$/);
  expect(headers.has("set-cookie")).toBe(false);
});

test("a plain text stays as it is", () => {
  expect(headerText("qwen3-max (cn)")).toBe("qwen3-max (cn)");
});

test("a list stays short whatever a client sends", () => {
  const names = Array.from({ length: 10_000 }, (_, number) => `field-${number}-${"x".repeat(500)}`);
  expect(headerList(names).length).toBeLessThan(4_000);
  expect(headerList(["a", "b"])).toBe("a, b");
});
