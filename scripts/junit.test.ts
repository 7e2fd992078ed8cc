import { describe, expect, test } from "bun:test";
import { countsOf, verdictOf } from "./junit.ts";

describe("a report", () => {
  test("is counted by its root", () => {
    const xml =
      '<?xml version="1.0"?>\n<testsuites name="bun test" tests="7" assertions="9" failures="2" skipped="1" time="0.1">\n<testsuite name="a" tests="1" failures="1" skipped="0"/></testsuites>';
    expect(countsOf(xml)).toEqual({ tests: 7, failures: 2, skipped: 1 });
  });

  test.each(["", "<html>", "<testsuites>"])("'%s' is none", (text) => {
    expect(countsOf(text)).toBeUndefined();
  });
});

describe("a verdict", () => {
  const all = { tests: 5, failures: 0, skipped: 0 };

  test("is good when tests ran and none failed", () => {
    expect(verdictOf(all, 0, false)).toEqual({ passed: 5, failed: 0 });
  });

  test("counts failures", () => {
    expect(verdictOf({ tests: 5, failures: 2, skipped: 0 }, 1, false)).toEqual({ passed: 3, failed: 2 });
  });

  test("takes a skipped test as failed, unless names were filtered", () => {
    expect(verdictOf({ tests: 5, failures: 0, skipped: 2 }, 0, false)).toMatchObject({
      passed: 3,
      failed: 2,
    });
    expect(verdictOf({ tests: 5, failures: 0, skipped: 2 }, 0, true)).toEqual({ passed: 3, failed: 0 });
  });

  test("is bad when no test ran, or the runner broke", () => {
    expect(verdictOf(undefined, 0, false)).toMatchObject({ failed: 1, note: "no test ran" });
    expect(verdictOf({ tests: 3, failures: 0, skipped: 3 }, 0, true)).toMatchObject({ failed: 1 });
    expect(verdictOf(all, 1, false)).toMatchObject({
      passed: 5,
      failed: 1,
      note: "an error outside of the tests",
    });
  });
});
