import { expect, test } from "bun:test";
import { ownOf } from "./own-of.ts";

test("a table says what it holds, and nothing that every object has", () => {
  const table: Readonly<Record<string, number>> = { one: 1 };
  expect(["one", "two", "constructor", "toString", "__proto__"].map((name) => ownOf(table, name))).toEqual([
    1,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
