import { expect, test } from "bun:test";
import { isStorable, pathPart, queryOf } from "./stored-text.ts";

test.each([
  ["acme", true],
  ["😀", true],
  ["", true],
  ["a\0b", false],
  ["\ud800", false],
  ["\ude00\ud83d", false],
])("%j can be kept as it is: %p", (text, is) => {
  expect(isStorable(text)).toBe(is);
});

test.each([
  ["acme", "acme"],
  ["org/model", "org/model"],
  ["", undefined],
  ["a\0b", undefined],
  [null, undefined],
  [undefined, undefined],
])("the part %j of a path is the name %j", (part, name) => {
  expect(pathPart(part)).toBe(name);
});

test("a query with a NUL is refused, naming the parameter and not the value", () => {
  expect(queryOf("http://localhost/?after=acme").get("after")).toBe("acme");
  expect(() => queryOf("http://localhost/?limit=1&after=secret%00")).toThrow(
    expect.objectContaining({ code: "invalid_request", detail: { param: "after" } }),
  );
  expect(() => queryOf("http://localhost/?after=secret%00")).not.toThrow("secret");
});
