import { expect, test } from "bun:test";
import { audit, type Books, type ClientRecord, type UsageRow } from "./books.ts";

const row = (id: string, charged: bigint, tenant = "t"): UsageRow => ({
  id,
  tenant,
  charged,
  loss: 0n,
  flags: [],
});
const served = (id: string, cost: bigint): ClientRecord => ({ seen: "served", payer: "t", id, cost });

/** Five requests of a tenant with 100: two served, one cut, one refused, one lost; all in order. */
const right: Books = {
  clients: [
    served("a", 10n),
    served("b", 20n),
    { seen: "cut", payer: "t", id: "c", most: 30n },
    { seen: "refused", payer: "t", id: "d", status: 503 },
    { seen: "lost", payer: "t", most: 30n },
  ],
  vendor: { calls: { t: 4 } },
  usage: [row("a", 10n), row("b", 20n), row("c", 5n), row("d", 0n), row("e", 30n)],
  tenants: [{ tenant: "t", toppedUp: 100n, balance: 35n }],
};

const kinds = (changes: Partial<Books>) => audit({ ...right, ...changes }).map(({ kind }) => kind);
const without = (id: string) => right.usage.filter((one) => one.id !== id);

test("books that are right have no finding", () => {
  expect(audit(right)).toEqual([]);
});

test("what was served and not charged, or charged wrongly, is found", () => {
  expect(kinds({ usage: without("a") })).toEqual(["lost charge", "wrong balance"]);
  expect(kinds({ usage: [...without("a"), row("a", 11n)] })).toEqual(["wrong charge", "wrong balance"]);
  expect(kinds({ usage: [...without("c"), row("c", 31n)] })).toEqual(["wrong charge", "wrong balance"]);
  expect(kinds({ usage: [...without("d"), row("d", 1n)] })).toContain("wrong charge");
});

test("a charge that comes twice, or that nobody asked for, is found", () => {
  expect(kinds({ usage: [...right.usage, row("a", 10n)] })).toContain("double charge");
  expect(kinds({ usage: [...right.usage, row("f", 1n)] })).toContain("charge without a call");
  expect(kinds({ usage: [...without("e"), row("e", 31n)] })).toContain("charge without a call");
  expect(kinds({ vendor: { calls: { t: 3 } } })).toEqual(["charge without a call"]);
});

test("a balance that does not add up, or is below zero, is found", () => {
  expect(kinds({ tenants: [{ tenant: "t", toppedUp: 100n, balance: 36n }] })).toEqual(["wrong balance"]);
  expect(kinds({ tenants: [{ tenant: "t", toppedUp: 64n, balance: -1n }] })).toEqual(["wrong balance"]);
});
