import { expect, test } from "bun:test";
import { parseTakeover, tokensTakenOver } from "./takeover-policy.ts";

test.each([
  ["never", 0],
  ["always", Number.POSITIVE_INFINITY],
  ["before:1", 1],
  ["before:2000", 2_000],
] as const)("%s allows answers to be taken over before %d tokens", (text, tokens) => {
  const policy = parseTakeover(text);
  expect(policy).toBe(text);
  expect(tokensTakenOver(policy ?? "never")).toBe(tokens);
});

test.each([
  "",
  "Always",
  "before",
  "before:",
  "before:0",
  "before:-1",
  "before:1.5",
  "before:01",
  " always",
  3,
  null,
])("%p is no policy", (text) => expect(parseTakeover(text)).toBeUndefined());
