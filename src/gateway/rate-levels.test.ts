import { beforeEach, describe, expect, test } from "bun:test";
import { createBudgetLeases } from "../actors/leases/budget-leases.ts";
import type { PurseLeases, RateLeases } from "../actors/leases/leases.ts";
import { createRateLeases } from "../actors/leases/rate-leases.ts";
import { TenantPath } from "../actors/leases/tenant-path.ts";
import { limitActor } from "../actors/limit.ts";
import { tenantActor } from "../actors/tenant.ts";
import { createLeaseWorld, type LeaseWorld } from "../actors/testing/lease-world.ts";
import { ModelLedger } from "../actors/testing/model-ledger.ts";
import type { RateLimit } from "../core/algorithms.ts";
import { SluiceError } from "../core/errors.ts";
import { keyId, tenantId } from "../core/ids.ts";
import type { LimitSpecs } from "../core/limit-specs.ts";
import { type Micropoints, micropointsOf, ZERO } from "../core/points.ts";
import { NO_USAGE } from "../core/usage.ts";
import type { AdmissionPorts, Admitted } from "./admission.ts";
import type { Caller } from "./gateway.ts";
import { createLeasedGlobalLimiter } from "./global-limiter.ts";
import { createLeasedAdmission } from "./leased-admission.ts";
import type { RateRequest } from "./rate-levels.ts";
import { parseChat } from "./requests/chat.ts";
import { callerOf, routeOf } from "./testing/fixtures.ts";

const PATH = "/api/v1/chat";
const NONE: LimitSpecs = { keys: "sliding-window", models: new Map(), api: new Map() };
const slow = (burst: number): RateLimit => ({ qps: 0.001, burst, algorithm: "sliding-window" });

let world: LeaseWorld;
let admission: AdmissionPorts;
let rates: RateLeases;
let tier: RateLimit | undefined;
let limits: LimitSpecs | undefined;

const purse: Pick<PurseLeases, "hold"> = {
  hold: (_, amount) => ({
    amount,
    settle: (cost) => ({ charged: cost, loss: ZERO }),
    release() {},
    refund() {},
  }),
};

beforeEach(async () => {
  world = await createLeaseWorld(({ clock, random }) => [
    tenantActor(new ModelLedger(clock, random)),
    limitActor(),
  ]);
  rates = createRateLeases(world.ports("n1"));
  tier = undefined;
  limits = undefined;
  admission = createLeasedAdmission({
    clock: world.clock,
    purses: { ...purse, booked() {}, purses: () => new Map(), drain: async () => {} },
    budgets: createBudgetLeases(world.ports("n1")),
    rates,
    global: createLeasedGlobalLimiter(rates),
    tierLimit: () => tier,
    limits: () => limits,
  });
});

const chat = (maxTokens?: number) =>
  parseChat(
    {
      model: "m",
      messages: [{ role: "user", content: "hi" }],
      ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
    },
    200,
  );

const asking = (changes: Partial<Caller> = {}, more: Partial<RateRequest> = {}): RateRequest => ({
  caller: callerOf(changes),
  request: chat(50),
  candidates: [routeOf("v", { input: 1n, output: 1n })],
  path: PATH,
  ...more,
});

const take = async (asked = asking()): Promise<Admitted> => world.decided(admission.takeRates(asked));

async function refusal(taking: Promise<unknown>): Promise<SluiceError> {
  const thrown: unknown = await taking.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof SluiceError) return thrown;
  throw new Error("was not refused");
}

test("without any limit nobody is asked and nothing is made", () => {
  expect(admission.takeRates(asking())).toBe(admission.takeRates(asking()));
  expect(world.counts.asks).toBe(0);
});

test("with warm leases on every level the answer is synchronous", async () => {
  const wide: RateLimit = { qps: 100, burst: 100 };
  tier = wide;
  limits = {
    ...NONE,
    global: wide,
    models: new Map([["m", { requests: wide, tokens: { qps: 1_000, burst: 60_000 } }]]),
    api: new Map([[PATH, { rate: wide }]]),
  };
  const asked = asking({ limits: { qps: 50 } });
  (await take(asked)).release();
  const { asks } = world.counts;
  const admitted = admission.takeRates(asked);
  expect(admitted).not.toBeInstanceOf(Promise);
  expect(world.counts.asks).toBe(asks);
  expect(asks).toBe(6);
});

describe("a request beyond a limit is told which one", () => {
  const cases: readonly [string, string, () => Partial<Caller>][] = [
    [
      "the tenant's",
      "tenant",
      () => {
        tier = slow(2);
        return {};
      },
    ],
    ["the key's", "key", () => ({ limits: { qps: 0.001, burst: 2 } })],
    [
      "the path's",
      `api ${PATH}`,
      () => {
        limits = { ...NONE, api: new Map([[PATH, { rate: slow(2) }]]) };
        return {};
      },
    ],
    [
      "the model's",
      "model",
      () => {
        limits = { ...NONE, models: new Map([["m", { requests: slow(2) }]]) };
        return {};
      },
    ],
    [
      "everybody's",
      "global",
      () => {
        limits = { ...NONE, global: slow(2) };
        return {};
      },
    ],
  ];
  test.each(cases)("%s", async (_whose, name, arrange) => {
    const asked = asking(arrange());
    expect((await take(asked)).limit).toMatchObject({ name, limit: 2, remaining: 1 });
    await take(asked);
    const error = await refusal(take(asked));
    expect(error).toMatchObject({
      code: "rate_limit_exceeded",
      status: 429,
      detail: { limit: { name, limit: 2, remaining: 0 } },
    });
    expect(error.message).toContain(name);
    expect(error.detail.retryAfterMs).toBeGreaterThan(0);
  });
});

test("who is refused by one limit has taken nothing from the others", async () => {
  tier = slow(5);
  limits = { ...NONE, api: new Map([[PATH, { rate: slow(5) }]]), global: slow(1) };
  await take();
  for (let tries = 0; tries < 10; tries += 1) await refusal(take());
  limits = { ...limits, global: slow(100) };
  await refusal(take());
  await world.pass(1_000);
  for (let tries = 0; tries < 4; tries += 1) await take();
  expect((await refusal(take())).detail.limit?.name).toBe("tenant");
});

test("a path's limit is of that path as it is called, and of each tenant for itself", async () => {
  limits = { ...NONE, api: new Map([[PATH, { rate: slow(1) }]]) };
  await take();
  await refusal(take());
  await take(asking({}, { path: "/v1/chat/completions" }));
  await take(asking({}, { path: undefined }));
  await take(asking({ tenant: tenantId("other"), key: keyId("k2") }));
});

describe("a model's tokens", () => {
  beforeEach(() => {
    limits = { ...NONE, models: new Map([["m", { tokens: { qps: 0.001, burst: 1_000 } }]]) };
  });
  const used = { ...NO_USAGE, input: 30, cachedInput: 10, output: 20, reasoning: 40 };

  test("are set aside for prompt and longest answer, and settled by what was used", async () => {
    const first = await take();
    // 200 bytes are held for as 100 tokens.
    expect(first.tokenLimit).toMatchObject({ name: "model", unit: "tokens", limit: 1_000, remaining: 850 });
    first.release(used);
    expect((await take()).tokenLimit?.remaining).toBe(750);
  });

  test("come back whole from a request that used none", async () => {
    (await take()).release();
    expect((await take()).tokenLimit?.remaining).toBe(850);
  });

  test("are refused with what is needed and what is left", async () => {
    await take(asking({}, { request: chat(800) }));
    const error = await refusal(take());
    expect(error).toMatchObject({
      code: "rate_limit_exceeded",
      detail: { limit: { name: "model", unit: "tokens", remaining: 100 } },
    });
    expect(error.message).toContain("this request can use 150, 100 are left");
  });

  test("that one request alone cannot have are refused as too many", async () => {
    const error = await refusal(take(asking({}, { request: chat(901) })));
    expect(error).toMatchObject({ code: "rate_limit_exceeded", status: 429 });
    expect(error.message).toContain("Too large for the model m");
    expect(error.detail.retryAfterMs).toBeUndefined();
  });

  test("of an answer without a named length are no more than the limit itself", async () => {
    const route = { ...routeOf("v", { input: 1n, output: 1n }), maxOutputTokens: 8_192 };
    const asked = asking({}, { request: chat(), candidates: [route] });
    expect((await take(asked)).tokenLimit?.remaining).toBe(0);
  });
});

describe("points of a path", () => {
  const points = (amount: bigint): Micropoints => micropointsOf(amount);
  beforeEach(() => {
    limits = { ...NONE, api: new Map([[PATH, { cost: { points: points(100n), period: "day" } }]]) };
  });
  const spend = async (amount: bigint, caller = callerOf()): Promise<void> => {
    const held = await world.decided(admission.hold(caller, points(amount), PATH));
    held.settle(points(amount));
  };

  test("can be spent until they are used up, by each tenant for itself", async () => {
    await spend(60n);
    expect(await refusal(spend(60n))).toMatchObject({
      code: "budget_exceeded",
      status: 402,
      detail: { affordable: "0.00004" },
    });
    await spend(60n, callerOf({ tenant: tenantId("other") }));
    await world.decided(admission.hold(callerOf(), points(1_000n), undefined));
  });

  test("stay used when a node starts again and forgot what it spent", async () => {
    await spend(60n);
    await world.pass(6_000, 100);
    const again = createBudgetLeases(world.ports("n1"));
    const hold = again.hold(
      new TenantPath(callerOf().tenant, PATH),
      { points: points(100n), period: "day" },
      points(60n),
    );
    expect(await refusal(world.decided(hold))).toMatchObject({ code: "budget_exceeded" });
  });
});
