import { expect, test } from "bun:test";
import type { Target } from "./adapter.ts";
import { TargetHeaders } from "./target-headers.ts";

const headers = new TargetHeaders(({ secret }, accept) => ({ authorization: `Bearer ${secret}`, accept }));
const targetOf = (secret: string): Target => ({ model: "m", baseUrl: "https://vendor.example", secret });

test("a target's fields are made once for streams and once for whole answers, and nobody can change them", () => {
  const target = targetOf("one");
  const [stream, whole] = [headers.of(target, true), headers.of(target, false)];
  expect(stream).toEqual({ authorization: "Bearer one", accept: "text/event-stream" });
  expect(whole).toEqual({ authorization: "Bearer one", accept: "application/json" });
  expect(headers.of(target, true)).toBe(stream);
  expect(headers.of(target, false)).toBe(whole);
  expect(Object.isFrozen(stream) && Object.isFrozen(whole)).toBe(true);
});

test("no target is given another's key, be it the same model at the same host", () => {
  const [one, two] = [targetOf("one"), targetOf("two")];
  for (const target of [one, two, one, { ...one, secret: "three" }])
    expect(headers.of(target, true).authorization).toBe(`Bearer ${target.secret}`);
});
