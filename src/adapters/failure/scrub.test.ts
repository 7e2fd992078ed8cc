import { describe, expect, test } from "bun:test";
import { MAX_MESSAGE_CHARS } from "../../core/limits.ts";
import { scrub } from "./scrub.ts";

const SECRET = "a1b2c3d4-e5f6-7890-abcd-ef0123456789";

describe("scrubbing", () => {
  test.each([
    ["the key itself", `key ${SECRET}.`, "key ***."],
    ["a beginning of it", `key ${SECRET.slice(0, 8)} is wrong`, "key *** is wrong"],
    ["an end of it", `key …${SECRET.slice(-9)}`, "key …***"],
    ["a piece of its middle", `got <${SECRET.slice(10, 20)}>`, "got <***>"],
    ["its ends around a mask", "bad: a1b2****6789!", "bad: ***!"],
    ["its long ends around a mask", `bad: ${SECRET.slice(0, 10)}…6789`, "bad: ***"],
    ["its ends around dots", "bad: a1b2...6789", "bad: ***"],
    ["its last characters", "key ending in 6789", "key ending in ***"],
    ["several copies", `${SECRET} ${SECRET}`, "*** ***"],
  ])("takes out %s", (_, message, clean) => {
    expect(scrub(message, SECRET)).toBe(clean);
  });

  test.each([
    ["Incorrect API key provided: sk-abc***xyz.", "Incorrect API key provided: ***"],
    ["sk-proj-****************wxyz", "***"],
    ["key sk-12345...6789", "key ***"],
    ["Authorization: Bearer abcdefgh", "Authorization: ***"],
    ["AIzaSyA1234567890", "***"],
    ["Your api key: ****ab12 is invalid", "Your api key: *** is invalid"],
    ["token eyJhbGciOi.eyJzdWIi.abc-_", "token ***"],
  ])("takes out what looks like somebody's key: %s", (message, clean) => {
    expect(scrub(message, "another-secret-entirely")).toBe(clean);
  });

  test("leaves ordinary words, request ids and model names alone", () => {
    const message = "The model gpt-4.1 does not exist. Request id: 021742632435712396f12d018b5d576a";
    expect(scrub(message, SECRET)).toBe(message);
  });

  test("takes short secrets whole and copes with none", () => {
    expect(scrub("key test1", "test1")).toBe("key ***");
    expect(scrub("any words", "")).toBe("any words");
  });

  test("bounds the length and keeps to one line", () => {
    const clean = scrub(`a\n\n b ${"long ".repeat(1_000)}`, SECRET);
    expect(clean).toHaveLength(MAX_MESSAGE_CHARS);
    expect(clean.startsWith("a b long")).toBe(true);
    expect(clean.endsWith("…")).toBe(true);
  });

  test("a key that straddles the bound leaves nothing behind", () => {
    const clean = scrub(`${"x".repeat(MAX_MESSAGE_CHARS - 10)} ${SECRET}`, SECRET);
    expect(clean).not.toContain(SECRET.slice(0, 4));
  });
});
