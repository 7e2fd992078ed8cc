import { expect, test } from "bun:test";
import { withFigures } from "./report.ts";

const README = "before\n<!-- figures: written by `bun run bench` -->\nold\n<!-- end of figures -->\nafter";

test("figures replace those between the marks, and nothing else", () => {
  const once = withFigures(README, "new");
  expect(once).toStartWith("before\n<!-- figures");
  expect(once).toContain("-->\n\nnew\n\n<!-- end");
  expect(once).toEndWith("-->\nafter");
  expect(withFigures(once, "new")).toBe(once);
});

test("a page without marks is an error", () => {
  expect(() => withFigures("nothing", "new")).toThrow("missing");
});
