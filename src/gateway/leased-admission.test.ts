import { beforeEach, describe, expect, test } from "bun:test";
import { createBudgetLeases } from "../actors/leases/budget-leases.ts";
import type { BudgetLeases, PurseLeases } from "../actors/leases/leases.ts";
import { createPurseLeases } from "../actors/leases/purse-leases.ts";
import { createRateLeases } from "../actors/leases/rate-leases.ts";
import { tenantActor } from "../actors/tenant.ts";
import { createLeaseWorld, type LeaseWorld } from "../actors/testing/lease-world.ts";
import { ModelLedger } from "../actors/testing/model-ledger.ts";
import type { KeyBudget } from "../core/key-limits.ts";
import type { LimitSpecs } from "../core/limit-specs.ts";
import { micropointsOf, ZERO } from "../core/points.ts";
import type { AdmissionPorts } from "./admission.ts";
import type { Hold } from "./charge.ts";
import type { Caller } from "./gateway.ts";
import { createLeasedAdmission } from "./leased-admission.ts";
import { callerOf } from "./testing/fixtures.ts";

const PATH = "/v1/chat/completions";
const µ = (amount: number) => micropointsOf(BigInt(amount));
const budgetOf = (amount: number): KeyBudget => ({ points: µ(amount), period: "day" });

let world: LeaseWorld;
let purses: PurseLeases;
let budgets: BudgetLeases;
let admission: AdmissionPorts;
let cost: KeyBudget | undefined;

beforeEach(async () => {
  world = await createLeaseWorld(({ clock, random }) => {
    const ledger = new ModelLedger(clock, random);
    ledger.topUp(callerOf().tenant, µ(1_000));
    return [tenantActor(ledger)];
  });
  const ports = world.ports("n1");
  purses = createPurseLeases(ports);
  budgets = createBudgetLeases(ports);
  cost = undefined;
  admission = createLeasedAdmission({
    clock: world.clock,
    purses,
    budgets,
    rates: createRateLeases(ports),
    tierLimit: () => undefined,
    limits: (): LimitSpecs => ({
      keys: "sliding-window",
      models: new Map(),
      api: new Map([[PATH, { ...(cost === undefined ? {} : { cost }) }]]),
    }),
  });
});

const hold = async (caller: Caller, amount: number, path: string | undefined = PATH): Promise<Hold> =>
  world.decided(admission.hold(caller, µ(amount), path));

const purse = () => purses.purses().get(callerOf().tenant);

/** What can still be held of a key's budget. */
async function isLeft(amount: number, { tenant, key, budget }: Caller): Promise<boolean> {
  if (budget === null) throw new Error("has no budget");
  const taken = await world
    .decided((async () => budgets.hold({ tenant, key }, budget, µ(amount)))())
    .catch(() => undefined);
  taken?.release();
  return taken !== undefined;
}

test("a request that can cost nothing holds nothing and asks nobody", async () => {
  const held = await hold(callerOf({ budget: budgetOf(1) }), 0);
  expect(held.settle(ZERO)).toEqual({ charged: ZERO, loss: ZERO });
  expect([purse(), world.counts.asks]).toEqual([undefined, 0]);
});

test("without budgets points of the purse are enough", async () => {
  (await hold(callerOf(), 100)).settle(µ(30));
  expect(purse()).toMatchObject({ held: ZERO, unsettled: µ(30) });
});

describe("with a budget of the key and one of the path", () => {
  const caller = callerOf({ budget: budgetOf(500) });
  beforeEach(() => {
    cost = budgetOf(300);
  });

  test("what was charged counts in both, the rest of the hold in none", async () => {
    (await hold(caller, 300)).settle(µ(120));
    expect(purse()).toMatchObject({ held: ZERO, unsettled: µ(120) });
    expect([await isLeft(380, caller), await isLeft(381, caller)]).toEqual([true, false]);
    await expect(hold(caller, 181)).rejects.toMatchObject({ code: "budget_exceeded" });
    expect((await hold(caller, 180)).amount).toBe(µ(180));
  });

  test("once warm, a hold is there at once", async () => {
    (await hold(caller, 100)).release();
    const { asks } = world.counts;
    const held = admission.hold(caller, µ(100), PATH);
    expect(held).not.toBeInstanceOf(Promise);
    expect(world.counts.asks).toBe(asks);
  });

  test("what one of them refuses is held of nothing", async () => {
    await expect(hold(caller, 301)).rejects.toMatchObject({ code: "budget_exceeded" });
    expect(purse()).toMatchObject({ held: ZERO, unsettled: ZERO });
    expect(await isLeft(500, caller)).toBe(true);
    // The same while all leases are warm.
    await expect(hold(caller, 301)).rejects.toMatchObject({ code: "budget_exceeded" });
    expect(purse()).toMatchObject({ held: ZERO, unsettled: ZERO });
    expect(await isLeft(500, caller)).toBe(true);
  });

  test("who leaves gives all of it back", async () => {
    (await hold(caller, 300)).release();
    expect(purse()).toMatchObject({ held: ZERO, unsettled: ZERO });
    expect(await isLeft(500, caller)).toBe(true);
    (await hold(caller, 300)).release();
  });

  test("a charge that is not booked returns to the purse, and budgets keep what they have counted", async () => {
    const held = await hold(caller, 300);
    held.settle(µ(300));
    held.refund(µ(300));
    expect(purse()).toMatchObject({ held: ZERO, unsettled: ZERO });
    expect([await isLeft(200, caller), await isLeft(201, caller)]).toEqual([true, false]);
  });

  test("a hold ends once", async () => {
    const held = await hold(caller, 100);
    held.settle(µ(10));
    expect(() => held.settle(µ(10))).toThrow("ended twice");
    expect(() => held.release()).toThrow("ended twice");
    expect(purse()).toMatchObject({ held: ZERO, unsettled: µ(10) });
  });

  test("another path has no part in it", async () => {
    (await hold(caller, 300)).settle(µ(300));
    (await hold(caller, 200, "/v1/embeddings")).settle(µ(200));
    await expect(hold(caller, 1, undefined)).rejects.toMatchObject({ code: "budget_exceeded" });
  });
});
