import { expect, test } from "bun:test";
import { type Case, casesOf } from "./cases.ts";
import type { Seen } from "./dialects/dialect.ts";
import { differencesOf, type Receipt } from "./differences.ts";
import { expectedOf } from "./expected.ts";

const BYTES = 100;
const caseOf = (name: string): Case => {
  const found = casesOf().find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no case '${name}'`);
  return found;
};
const differences = (one: Case, seen: Partial<Seen>, receipt: Partial<Receipt>): readonly string[] =>
  differencesOf(
    expectedOf(one, BYTES),
    { status: 200, end: "whole", text: "ab cd 水 🌊 ef gh", request: "req_1", bytes: BYTES, ...seen },
    { outcome: "completed", charged: "0.003084", loss: "0", attempts: [{}], ...receipt },
  );

const NOTHING = caseOf("nothing, stream by chat from openai, alone");

test("what is as expected differs in nothing", () => {
  expect(differences(NOTHING, { cost: "0.003084" }, {})).toEqual([]);
});

test.each<[string, Partial<Seen>, Partial<Receipt>]>([
  ["another status", { status: 502 }, {}],
  ["no end", { end: "none" }, {}],
  ["an error beside the end", { end: "both" }, {}],
  ["a word too few", { text: "ab cd 水 🌊 ef" }, {}],
  ["another cost than was charged", { cost: "0.003083" }, {}],
  ["a micropoint too much", {}, { charged: "0.003085" }],
  ["a charge that the platform bears", {}, { charged: "0", loss: "0.003084" }],
  ["another outcome", {}, { outcome: "truncated" }],
  ["a call too many", {}, { attempts: [{}, {}] }],
])("%s is found", (_what, seen, receipt) => {
  expect(differences(NOTHING, seen, receipt)).toHaveLength(1);
});

test("a request without a receipt is found", () => {
  const seen = {
    status: 200,
    end: "whole",
    text: "ab cd 水 🌊 ef gh",
    request: "req_1",
    bytes: BYTES,
  } as const;
  expect(differencesOf(expectedOf(NOTHING, BYTES), seen, undefined)).toEqual(["no receipt for 'req_1'"]);
});

test("a failure that the client is charged for is found, and a wait of years", () => {
  const limited = caseOf("limit_for_ever, whole by chat from openai, alone");
  const seen = { status: 429, end: "refused", error: "rate_limit_exceeded", text: "" } as const;
  const free = { outcome: "failed", charged: "0" };
  expect(differences(limited, { ...seen, retryAfter: "60" }, free)).toEqual([]);
  expect(differences(limited, { ...seen, retryAfter: "99999999999" }, free)).toHaveLength(1);
  expect(differences(limited, seen, free)).toHaveLength(1);
  expect(differences(limited, { ...seen, retryAfter: "60" }, { ...free, charged: "1" })).not.toEqual([]);
});

test("what nobody told is charged by what went out: the prompt's bytes, a token a frame", () => {
  const cut = caseOf("cut_mid_frame, stream by chat from openai, alone");
  const seen = { end: "broken", error: "stream_truncated", text: "ab cd 水" } as const;
  const charged = `0.0000${2 * 25 + 8 * 3}`;
  expect(differences(cut, seen, { outcome: "truncated", charged })).toEqual([]);
});

test("where two things may be seen, each is held to its own charge", () => {
  const reuse = caseOf("closes_on_reuse, whole by chat from openai, alone");
  const refused = { status: 502, end: "refused", error: "vendor_unavailable", text: "" } as const;
  expect(differences(reuse, {}, {})).toEqual([]);
  expect(differences(reuse, refused, { outcome: "failed", charged: "0" })).toEqual([]);
  expect(differences(reuse, refused, { outcome: "failed", charged: "0.003084" })).not.toEqual([]);
});
