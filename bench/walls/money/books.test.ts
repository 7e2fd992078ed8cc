import { expect, test } from "bun:test";
import { audit, type Books, type ClientRecord, priceOf, type UsageRow } from "./books.ts";
import type { PromptAccount } from "./vendor.ts";

const row = (id: string, charged: bigint, changes: Partial<UsageRow> = {}): UsageRow => ({
  id,
  tenant: "t",
  outcome: "completed",
  charged,
  loss: 0n,
  flags: [],
  ...changes,
});
const asked = (prompt: string) => ({ payer: "t", prompt });
const served = (id: string, output: number): ClientRecord => ({ ...asked(id), seen: "served", id, output });
const call = (most: number, changes: Partial<PromptAccount> = {}): PromptAccount => ({
  asked: 1,
  calls: 1,
  whole: 1,
  most,
  all: most,
  ...changes,
});

const [ten, twenty, five] = [priceOf(10), priceOf(20), priceOf(5)];
const spent = ten + twenty + five + twenty;
/** Five requests: two served, one cut, one refused, one lost; all in order. */
const right: Books = {
  clients: [
    served("a", 10),
    served("b", 20),
    { ...asked("c"), seen: "cut", id: "c" },
    { ...asked("d"), seen: "refused", id: "d", status: 503, code: "overloaded" },
    { ...asked("e"), seen: "lost" },
  ],
  vendor: { prompts: { a: call(10), b: call(20), c: call(8, { whole: 0 }), e: call(20) } },
  usage: [row("a", ten), row("b", twenty), row("c", five), row("d", 0n), row("x", twenty)],
  tenants: [{ tenant: "t", toppedUp: spent + 35n, balance: 35n }],
};

const kinds = (changes: Partial<Books>) => audit({ ...right, ...changes }).map(({ kind }) => kind);
const without = (id: string) => right.usage.filter((one) => one.id !== id);
const prompts = (changes: Record<string, PromptAccount>) => ({
  vendor: { prompts: { ...right.vendor.prompts, ...changes } },
});

test("books that are right have no finding", () => {
  expect(audit(right)).toEqual([]);
});

test("what was served and not charged, or charged wrongly, is found", () => {
  expect(kinds({ usage: without("a") })).toEqual(["lost charge", "wrong balance"]);
  expect(kinds({ usage: [...without("a"), row("a", ten + 1n)] })).toEqual(["wrong charge", "wrong balance"]);
  expect(kinds({ usage: [...without("a"), row("a", ten - 1n)] })).toEqual(["wrong charge", "wrong balance"]);
  expect(kinds({ usage: [...without("d"), row("d", 1n)] })).toContain("wrong charge");
});

test("an answer that was cut costs no more than what the vendor handed over, and leaves a row", () => {
  expect(kinds({ usage: [...without("c"), row("c", priceOf(9))] })).toEqual([
    "wrong charge",
    "wrong balance",
  ]);
  expect(kinds({ usage: without("c") })).toContain("lost charge");
  expect(kinds(prompts({ c: call(0, { asked: 0, calls: 0 }) }))).toContain("charge without a call");
});

test("an estimate may be higher than the vendor's count, when the row says that it is one", () => {
  const estimated = (charged: bigint, flags: readonly string[]) =>
    kinds({ usage: [...without("c"), row("c", charged, { flags })] }).filter(
      (kind) => kind !== "wrong balance",
    );
  expect(estimated(priceOf(40), ["usage_estimated"])).toEqual([]);
  expect(estimated(priceOf(40), [])).toEqual(["wrong charge"]);
  expect(estimated(priceOf(60), ["usage_estimated"])).toEqual(["wrong charge"]);
});

test("an answer that the vendor never gave is found", () => {
  expect(kinds(prompts({ b: call(19) }))).toEqual(["wrong answer"]);
});

test("a charge that comes twice, or that nobody asked for, is found", () => {
  expect(kinds({ usage: [...right.usage, row("a", ten)] })).toContain("double charge");
  expect(kinds({ usage: [...right.usage, row("f", 1n)] })).toContain("charge without a call");
  expect(kinds({ usage: [...without("x"), row("x", twenty + 1n)] })).toContain("charge without a call");
});

test("whoever reached the vendor and is nowhere in the ledger is found", () => {
  expect(kinds({ usage: [row("a", ten), row("b", twenty), row("c", five)] })).toContain("lost charge");
});

test("tries under one idempotency key are one charge", () => {
  const tries = (ids: readonly string[]): Partial<Books> => ({
    clients: right.clients.map((one) =>
      one.seen !== "lost" && ids.includes(one.id) ? { ...one, once: "k" } : one,
    ),
  });
  expect(kinds(tries(["a", "d"]))).toEqual([]);
  expect(kinds(tries(["a", "c"]))).toEqual(["double charge"]);
});

test("a loss is never more than what was consumed unpaid", () => {
  const lost = (loss: bigint) => ({ usage: [...without("d"), row("d", 0n, { outcome: "failed", loss })] });
  expect(kinds({ ...lost(priceOf(3)), ...prompts({ d: call(3, { whole: 0 }) }) })).toEqual([]);
  expect(kinds({ ...lost(priceOf(4)), ...prompts({ d: call(3, { whole: 0 }) }) })).toEqual(["wrong loss"]);
});

test("a balance that does not add up, is below zero, or is told otherwise, is found", () => {
  const tenant = { tenant: "t", toppedUp: spent + 35n, balance: 35n };
  expect(kinds({ tenants: [{ ...tenant, balance: 36n }] })).toEqual(["wrong balance"]);
  expect(kinds({ tenants: [{ ...tenant, toppedUp: spent - 1n, balance: -1n }] })).toEqual(["wrong balance"]);
  const told = { balance: 35n, available: 35n, spent };
  expect(kinds({ tenants: [{ ...tenant, told }] })).toEqual([]);
  expect(kinds({ tenants: [{ ...tenant, told: { ...told, spent: spent + 1n } }] })).toEqual([
    "wrong balance",
  ]);
  expect(kinds({ tenants: [{ ...tenant, told: { ...told, available: 34n } }] })).toEqual(["wrong balance"]);
});
