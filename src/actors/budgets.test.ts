import { beforeEach, describe, expect, test } from "bun:test";
import type { SluiceError } from "../core/errors.ts";
import { keyId, tenantId, vendorId } from "../core/ids.ts";
import type { KeyBudget } from "../core/key-limits.ts";
import { micropointsOf } from "../core/points.ts";
import { createBudgetLeases } from "./leases/budget-leases.ts";
import type { BudgetHold, BudgetLeases } from "./leases/leases.ts";
import { createQuotaLeases } from "./leases/quota-leases.ts";
import { LEASE_MS, LEASE_SWEEP_MS } from "./limits.ts";
import { tenantActor } from "./tenant.ts";
import { TENANT } from "./tenant-protocol.ts";
import { failureOf } from "./testing/counter-world.ts";
import { createLeaseWorld, type LeaseWorld } from "./testing/lease-world.ts";
import { ModelLedger } from "./testing/model-ledger.ts";
import { vendorActor } from "./vendor.ts";

const µ = (amount: number | bigint) => micropointsOf(BigInt(amount));
const subject = { tenant: tenantId("acme"), key: keyId("k1") };
const daily = (points: number): KeyBudget => ({ points: µ(points), period: "day" });
const DAY_MS = 86_400_000;

let world: LeaseWorld;
let ledger: ModelLedger;
let budgets: BudgetLeases;
let callsBefore: bigint;

beforeEach(async () => {
  callsBefore = 0n;
  world = await createLeaseWorld(({ clock, random }) => {
    ledger = new ModelLedger(clock, random);
    return [tenantActor(ledger), vendorActor(async () => callsBefore)];
  });
  budgets = createBudgetLeases(world.ports("n1"));
});

const held = (budget: KeyBudget, amount: number, leases = budgets): Promise<BudgetHold> =>
  world.decided((async () => leases.hold(subject, budget, µ(amount)))());

const refusal = async (budget: KeyBudget, amount: number, leases = budgets): Promise<SluiceError> =>
  (await failureOf(held(budget, amount, leases))) as SluiceError;

describe("a key's budget", () => {
  test("is asked for when cold and held synchronously when warm", async () => {
    const budget = daily(100_000);
    (await held(budget, 10)).settle(µ(10));
    expect(budgets.hold(subject, budget, µ(10))).not.toBeInstanceOf(Promise);
    expect(ledger.calls.spentByKey).toBe(1);
  });

  test("can be used to its end and no further, and says what is left", async () => {
    const budget = daily(100);
    (await held(budget, 60)).settle(µ(60));
    expect(await refusal(budget, 41)).toMatchObject({
      code: "budget_exceeded",
      detail: { affordable: "0.00004" },
    });
    (await held(budget, 40)).settle(µ(40));
    expect(await refusal(budget, 1)).toMatchObject({ code: "budget_exceeded", detail: { affordable: "0" } });
  });

  test("counts what the ledger knows from before", async () => {
    ledger.spent.set("k1", µ(70));
    expect(await refusal(daily(100), 31)).toMatchObject({ detail: { affordable: "0.00003" } });
  });

  test("gets back what a hold did not use", async () => {
    const budget = daily(100);
    (await held(budget, 100)).settle(µ(10));
    (await held(budget, 90)).release();
    expect((await held(budget, 90)).amount).toBe(µ(90));
  });

  test("is new in the next period", async () => {
    const budget = daily(100);
    (await held(budget, 100)).settle(µ(100));
    await refusal(budget, 1);
    await world.pass(DAY_MS, 60_000);
    expect((await held(budget, 100)).amount).toBe(µ(100));
  });

  test("of one period is not charged for a hold of the last", async () => {
    const budget = daily(100);
    const long = await held(budget, 80);
    await world.pass(DAY_MS, 60_000);
    const next = await held(budget, 50);
    long.settle(µ(80));
    next.settle(µ(50));
    expect((await held(budget, 50)).amount).toBe(µ(50));
  });

  test("that never ends does not start anew", async () => {
    const budget: KeyBudget = { points: µ(100), period: "total" };
    (await held(budget, 100)).settle(µ(100));
    ledger.spent.set("k1", µ(100));
    await world.pass(40 * DAY_MS, DAY_MS / 4);
    expect(await refusal(budget, 1)).toMatchObject({ code: "budget_exceeded" });
  });

  test("is shared: a node that needs it gets what the other gave back", async () => {
    const budget = daily(1_000);
    const other = createBudgetLeases(world.ports("n2"));
    (await held(budget, 10)).settle(µ(10));
    await world.pass(LEASE_MS + 3 * LEASE_SWEEP_MS, 500);
    expect((await held(budget, 990, other)).amount).toBe(µ(990));
  });

  test("that grows is used at once, and one that shrinks gives back what is out", async () => {
    (await held(daily(100), 100)).settle(µ(100));
    expect((await held(daily(200), 100)).amount).toBe(µ(100));
    expect(await refusal(daily(150), 1)).toMatchObject({ code: "budget_exceeded" });
  });

  test("survives that its owner crashes", async () => {
    const budget = daily(100);
    const running = await held(budget, 60);
    const nonsense = null as never;
    await failureOf(world.host.ask(TENANT, "acme", "share", nonsense));
    running.settle(µ(60));
    ledger.spent.set("k1", µ(60));
    await world.pass(2 * LEASE_MS, 100);
    expect(await refusal(budget, 41)).toMatchObject({ code: "budget_exceeded" });
    expect((await held(budget, 40)).amount).toBe(µ(40));
  });

  test("waits while the ledger is away, as overloaded", async () => {
    ledger.troubles.before = 1;
    expect(await refusal(daily(100), 1)).toMatchObject({ code: "overloaded" });
    ledger.troubles.before = 0;
    await world.pass(10_000, 100);
    expect((await held(daily(100), 1)).amount).toBe(µ(1));
  });

  test("is given back when the node drains", async () => {
    const budget = daily(1_000);
    (await held(budget, 10)).settle(µ(10));
    await world.decided(budgets.drain(5_000));
    const other = createBudgetLeases(world.ports("n2"));
    expect((await held(budget, 990, other)).amount).toBe(µ(990));
  });
});

describe("a vendor's quota of the day", () => {
  const openai = vendorId("openai");

  test("is counted down to nothing, and says when the next day begins", async () => {
    callsBefore = 7n;
    const quotas = createQuotaLeases(world.ports("n1"));
    let taken = 0;
    for (let call = 0; call < 20; call += 1)
      if ((await world.decided(quotas.take(openai, 10))).ok) taken += 1;
    expect(taken).toBe(3);
    const denied = await world.decided(quotas.take(openai, 10));
    expect(denied).toMatchObject({ ok: false, state: { name: "vendor", limit: 10, remaining: 0 } });
    if (denied.ok) throw new Error("was let in");
    callsBefore = 0n;
    await world.pass(denied.retryAfterMs, 60_000);
    expect(await world.decided(quotas.take(openai, 10))).toMatchObject({ ok: true });
  });

  test("gets back a call that did not happen", async () => {
    const quotas = createQuotaLeases(world.ports("n1"));
    const first = await world.decided(quotas.take(openai, 2));
    await world.decided(quotas.take(openai, 2));
    expect((await world.decided(quotas.take(openai, 2))).ok).toBe(false);
    if (first.ok) first.undo();
    expect((await world.decided(quotas.take(openai, 2))).ok).toBe(true);
    expect((await world.decided(quotas.take(openai, 2))).ok).toBe(false);
  });
});
