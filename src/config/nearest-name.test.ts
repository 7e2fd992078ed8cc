import { describe, expect, test } from "bun:test";
import { nearestName } from "./nearest-name.ts";

describe("the name that was meant", () => {
  test.each([
    ["timeout", "timeouts"],
    ["baseURL", "baseUrl"],
    ["depseek", "deepseek"],
    ["modles", "models"],
    ["concurency", "concurrency"],
    ["KEYS", "keys"],
  ])("%s was meant to be %s", (given, meant) => {
    const known = ["adapter", "baseUrl", "keys", "timeouts", "deepseek", "models", "concurrency"];
    expect(nearestName(given, known)).toBe(meant);
  });

  test("nothing is suggested for a name that is near none", () => {
    expect(nearestName("gpt", ["adapter", "keys"])).toBeUndefined();
    expect(nearestName("", ["keys"])).toBeUndefined();
  });
});
