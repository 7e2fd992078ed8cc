import { afterAll, beforeAll, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../tests/postgres.ts";
import { SluiceError } from "../core/errors.ts";
import { tenantId } from "../core/ids.ts";
import { silentLog } from "../core/log.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { micropointsOf, ZERO } from "../core/points.ts";
import { seededRandom } from "../core/random.ts";
import type { Credential } from "../gateway/gateway.ts";
import { callerOf, routeOf } from "../gateway/testing/fixtures.ts";
import { createAccounts } from "../ledger/accounts.ts";
import { type Receipt, signReceipt } from "../ledger/receipts.ts";
import { createReports } from "../ledger/reports.ts";
import { createTenants } from "../ledger/tenants.ts";
import { accountRoutes } from "./account.ts";

let database: TestDatabase;
const [acme, other] = [tenantId("acme"), tenantId("other")];
beforeAll(async () => {
  database = await testDatabase();
  const tenants = createTenants(database.sql);
  await tenants.create({ id: acme, name: "Acme", tier: "vip", overdraft: ZERO });
  await tenants.create({ id: other, name: "Other", tier: "normal", overdraft: ZERO });
  await createAccounts(database.sql).topUp(acme, micropointsOf(3_000_000n), "r");
});
afterAll(() => database.drop());

const RECEIPT = signReceipt(
  {
    request_id: "req_1",
    tenant: "acme",
    key: "key_1",
    at: "2026-01-01T00:00:00.000Z",
    operation: "chat",
    model: "m",
    vendor: "a",
    vendor_model: "a-m",
    region: "local",
    stream: null,
    outcome: "completed",
    finish_reason: "stop",
    error_code: null,
    duration_ms: 10,
    first_token_ms: 1,
    usage: { input: 1, cached_input: 0, cache_write: 0, output: 1, reasoning: 0, images: 0, seconds: 0 },
    price: { kind: "free" },
    applied: null,
    charged: "0",
    loss: "0",
    flags: [],
    attempts: [],
  },
  new Uint8Array(32),
);

function account() {
  const { sql } = database;
  let isBooked = false;
  const ports = {
    log: silentLog,
    random: seededRandom(1),
    clock: new ManualClock(),
    countRequest() {},
    accounts: createAccounts(sql),
    reports: createReports(sql),
    reserved: async () => ZERO,
    async flush() {
      isBooked = true;
    },
    receipts: {
      get: async (id: string, tenant?: string): Promise<Receipt | undefined> =>
        isBooked && id === RECEIPT.request_id && tenant === RECEIPT.tenant ? RECEIPT : undefined,
    },
    explanations: {
      get: (id: string, tenant: string) => {
        if (id !== "req_1" || tenant !== "acme") return undefined;
        const route = routeOf("a", { input: 1n, output: 1n });
        const passed = { route: routeOf("b", { input: 1n, output: 1n }), reason: "breaker_open" } as const;
        return { ranked: [{ route, score: 1, cost: 1, performance: 1, quality: 0.5 }], passed: [passed] };
      },
    },
    gateway: {
      authenticate({ secret }: Credential, scope: string) {
        expect(scope).toBe("account");
        if (secret !== "sk-acme" && secret !== "sk-other") throw new SluiceError("invalid_api_key", "No.");
        return callerOf({ tenant: secret === "sk-acme" ? acme : other });
      },
    },
  };
  const app = accountRoutes(ports);
  return async (path: string, key = "sk-acme") => {
    const headers = { authorization: `Bearer ${key}` };
    const response = await app.handle(new Request(`http://localhost${path}`, { headers }));
    expect(response.headers.get("x-request-id")).toStartWith("req_");
    return { status: response.status, body: JSON.parse(await response.text()) };
  };
}

test("a key sees its tenant's balance", async () => {
  const get = account();
  expect((await get("/v1/balance")).body).toEqual({
    balance: "3",
    reserved: "0",
    available: "3",
    spent: "0",
  });
  expect((await get("/v1/balance", "sk-other")).body.balance).toBe("0");
  expect((await get("/v1/balance", "sk-nobody")).status).toBe(401);
});

test("a receipt that is on its way is waited for", async () => {
  const { status, body } = await account()("/v1/receipts/req_1");
  expect([status, body]).toEqual([200, RECEIPT]);
});

test("another tenant's request is not there", async () => {
  const get = account();
  expect((await get("/v1/receipts/req_1", "sk-other")).status).toBe(404);
  expect((await get("/v1/explain/req_1", "sk-other")).status).toBe(404);
  for (const id of ["req_2", "a%00b", "%ff"]) {
    expect((await get(`/v1/receipts/${id}`)).body.error.code).toBe("not_found");
    expect((await get(`/v1/explain/${id}`)).body.error.code).toBe("not_found");
  }
});

test("an explanation tells who was asked, in what order, and who was not", async () => {
  const { body } = await account()("/v1/explain/req_1");
  expect(body).toMatchObject({
    request_id: "req_1",
    outcome: "completed",
    routing: {
      ranked: [{ vendor: "a", model: "a-model", score: 1 }],
      passed: [{ vendor: "b", model: "b-model", reason: "breaker_open" }],
    },
  });
  expect(JSON.stringify(body)).not.toContain("keys");
});

test("usage is the tenant's own, even when another is asked for", async () => {
  await database.sql`
    insert into usage_rollup (hour, tenant, key, tier, model, vendor, requests, completed, input, cached_input,
      cache_write, output, reasoning, images, seconds, charged, loss)
    values ('2025-12-31T10:00Z', 'acme', 'k', 'vip', 'm', 'a', 2, 2, 10, 0, 0, 1, 0, 0, 0, 1500000, 0),
           ('2025-12-31T10:00Z', 'other', 'k2', 'normal', 'm', 'a', 9, 9, 90, 0, 0, 1, 0, 0, 0, 9000000, 0)`;
  const { body } = await account()("/v1/usage?group_by=tenant,day&tenant=other");
  expect(body.data).toMatchObject([{ tenant: "acme", day: "2025-12-31", requests: 2, cost: "1.5" }]);
});
