import { describe, expect, test } from "bun:test";
import { interpolate } from "./interpolate.ts";

describe("filling in variables", () => {
  test.each([
    ["${A}", "1"],
    ["x${A}y${B}z", "x1y2z"],
    ["$${A}", "${A}"],
    ["$A and $ stay", "$A and $ stay"],
    ["cost: 5$", "cost: 5$"],
    ["${EMPTY}", ""],
  ])("%s becomes %s", (text, expected) => {
    const result = interpolate(text, { A: "1", B: "2", EMPTY: "" });
    expect(result.text).toBe(expected);
    expect(result.missing).toEqual([]);
    expect(result.malformed).toBe(false);
  });

  test("what a variable holds is not looked into again", () => {
    expect(interpolate("${A}", { A: "${B}", B: "secret" }).text).toBe("${B}");
  });

  test("missing variables are named and their text stays", () => {
    const result = interpolate("${A}-${NOPE}-${NADA}", { A: "1" });
    expect(result.missing).toEqual(["NOPE", "NADA"]);
    expect(result.read).toEqual(["A", "NOPE", "NADA"]);
    expect(result.text).toBe("1-${NOPE}-${NADA}");
  });

  test.each(["${", "${}", "${A:-b}", "${1A}", "${A B}"])("%s is malformed", (text) => {
    expect(interpolate(text, { A: "1" }).malformed).toBe(true);
  });
});
