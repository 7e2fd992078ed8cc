import { expect, test } from "bun:test";
import { FIGURES, withPart } from "./readme.ts";

const README = "before\n<!-- figures: written by `bun run bench` -->\nold\n<!-- end of figures -->\nafter";

test("figures replace those between the marks, and nothing else", () => {
  const once = withPart(README, FIGURES, "new");
  expect(once).toStartWith("before\n<!-- figures");
  expect(once).toContain("-->\n\nnew\n\n<!-- end");
  expect(once).toEndWith("-->\nafter");
  expect(withPart(once, FIGURES, "new")).toBe(once);
});

test("a page without marks is an error", () => {
  expect(() => withPart("nothing", FIGURES, "new")).toThrow("missing");
});
