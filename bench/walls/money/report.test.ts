import { expect, test } from "bun:test";
import { priceOf } from "./books.ts";
import { isExact, markdown, points, type RunBooks, summary, table } from "./report.ts";

const books: RunBooks = {
  seed: 7,
  nodes: 3,
  plan: [{ kind: "kill node", target: 0, from: 1, until: 2 }],
  records: [
    { payer: "t", prompt: "t/1", seen: "served", id: "a", output: 10 },
    { payer: "t", prompt: "t/2", seen: "lost" },
  ],
  usage: [
    { id: "a", tenant: "t", outcome: "completed", charged: priceOf(10), loss: 0n, flags: [] },
    { id: "b", tenant: "t", outcome: "truncated", charged: priceOf(5), loss: 0n, flags: ["in_doubt"] },
  ],
  tenants: [{ tenant: "t", toppedUp: 1_000_000n, balance: 1_000_000n - priceOf(10) - priceOf(5) }],
  vendor: {
    prompts: {
      "t/1": { asked: 1, calls: 1, whole: 1, most: 10, all: 10 },
      "t/2": { asked: 1, calls: 1, whole: 0, most: 8, all: 8 },
    },
  },
  findings: [],
  broken: [],
  overdrafts: 0,
  quietMs: 1_000,
};

test("what is charged for whole answers stands beside what it must be, the rest by itself", () => {
  expect(summary(books)).toMatchObject({
    inDoubt: 1,
    expected: priceOf(10),
    charged: priceOf(10) + priceOf(5),
    chargedUnseen: priceOf(5),
    givenAway: priceOf(8) - priceOf(5),
    requests: { served: 1, lost: 1, cut: 0, refused: 0 },
  });
});

test("a finding, a broken check or an overdraft make a run inexact, and are written out", () => {
  expect(isExact(summary(books))).toBe(true);
  const finding = { kind: "lost charge", detail: "a is missing" } as const;
  for (const changes of [{ findings: [finding] }, { broken: ["no_leaked_hold"] }, { overdrafts: 1 }])
    expect(isExact(summary({ ...books, ...changes }))).toBe(false);
  const told = markdown([summary({ ...books, findings: [finding] })], "bun run wall:money");
  expect(told).toContain("lost charge: a is missing");
  expect(told).toContain("1 wrong");
});

test("a row has as many cells as the head", () => {
  const [head = "", line = "", row = ""] = table([summary(books)]).split("\n");
  const cells = (text: string) => text.split("|").length;
  expect(cells(line)).toBe(cells(head));
  expect(cells(row)).toBe(cells(head));
});

test("points are written to the micropoint", () => {
  expect(points(-1n)).toBe("-0.000001");
  expect(points(12_500_000n)).toBe("12.500000");
});
