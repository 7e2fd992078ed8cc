import { expect, test } from "bun:test";
import { judge } from "./trust.ts";

test.each([
  ["2.9.10", 3, true],
  ["2.9.20", 3, true],
  ["2.9.21", 3, false],
  ["2.9.10", 1, false],
  ["2.10.0", 3, false],
  ["v2.15.2", 3, false],
  ["3.0.0-beta", 3, false],
  ["nonsense", 1, true],
])("%s with %d copies is refused: %p", (version, replicas, isRefused) => {
  expect(judge({ version, replicas, syncsAlways: true }).refusal !== undefined).toBe(isRefused);
});

test("what is missing for production is told", () => {
  const warnings = (version: string, replicas: number, syncsAlways?: boolean) =>
    judge({ version, replicas, syncsAlways }).warnings.join("\n");
  expect(warnings("2.15.2", 3, true)).toBe("");
  expect(warnings("2.15.2", 1, true)).toContain("one copy only");
  expect(warnings("2.15.2", 3, false)).toContain("'sync_interval: always' is not set");
  expect(warnings("2.15.2", 3)).toContain("cannot be seen");
  expect(warnings("2.9.25", 3)).toContain("cannot write through");
  expect(warnings("2.10.5", 3, true)).toContain("no longer maintained");
});
