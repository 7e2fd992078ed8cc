import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../../tests/postgres.ts";
import { connect } from "../../ledger/database.ts";
import { createTenants } from "../../ledger/tenants.ts";
import { adminApp } from "../testing/admin-app.ts";

/** What the ledger cannot keep, be asked for or reach is told as what it is, never as a fault of the gateway. */
let database: TestDatabase;
let admin: Awaited<ReturnType<typeof adminApp>>;
beforeAll(async () => {
  database = await testDatabase();
  admin = await adminApp(database);
  await admin.call("POST", "/tenants", { id: "acme", name: "Acme" });
});
afterAll(() => database.drop());

describe.each(["%00", "a%00b", "%ff", "%E0%A4%A"])("the name %s in a path", (name) => {
  test.each([
    ["GET", `/tenants/${name}`, undefined],
    ["PATCH", `/tenants/${name}`, { name: "x" }],
    ["GET", `/tenants/${name}/balance`, undefined],
    ["POST", `/tenants/${name}/topups`, { points: "1", reference: "r" }],
    ["GET", `/tenants/${name}/keys`, undefined],
    ["POST", `/tenants/${name}/keys`, { name: "k" }],
    ["DELETE", `/keys/${name}`, undefined],
    ["POST", `/keys/${name}/rotate`, undefined],
    ["DELETE", `/models/${name}`, undefined],
    ["PUT", `/models/${name}`, [{ vendor: "sandbox", model: "x", price: "free" }]],
    ["DELETE", `/vendors/${name}`, undefined],
  ])("%s %s is nobody's", async (method, path, body) => {
    const refused = await admin.call(method, path, body);
    expect([refused.status, refused.body.error.code]).toEqual([404, "not_found"]);
  });
});

test.each([
  ["GET", "/tenants?after=a%00", undefined, "after"],
  ["GET", "/usage?tenant=a%00", undefined, "tenant"],
  ["GET", "/usage?from=-100000-01-01", undefined, "from"],
  ["GET", "/usage?to=%2B275760-09-13T00:00:00Z", undefined, "to"],
  ["POST", "/tenants", { name: "\ud800" }, "name"],
  ["POST", "/tenants/acme/topups", { points: "1", reference: "a\0b" }, "reference"],
  ["POST", "/tenants/acme/topups", { points: "1", reference: "\ud800" }, "reference"],
  ["POST", "/tenants/acme/keys", { name: "k", models: ["a\0"] }, "models[0]"],
  ["POST", "/tenants/acme/keys", { name: "k", vendors: ["a\0"] }, "vendors[0]"],
  ["POST", "/tenants/acme/keys", { name: "k", expires_at: "2027-13-01T00:00:00Z" }, "expires_at"],
  ["POST", "/tenants/acme/keys", { name: "k", limits: { qps: 1e-300 } }, "limits.qps"],
  ["POST", "/tenants/acme/keys", { name: "k", limits: { qps: 1e300 } }, "limits.qps"],
  ["POST", "/tenants/acme/keys", { name: "k", limits: { qps: 1, burst: 2 ** 53 - 1 } }, "limits.burst"],
] as const)("%s %s with %j is refused, naming the field", async (method, path, body, param) => {
  const refused = await admin.call(method, path, body);
  expect([refused.status, refused.body.error.param]).toEqual([400, param]);
  expect(refused.body.error.message).toMatch(/must|cannot/);
});

test("more points than the ledger can hold are refused, and the rest stays as it is", async () => {
  await admin.call("POST", "/tenants", { id: "rich", name: "Rich" });
  const topUp = (reference: string) =>
    admin.call("POST", "/tenants/rich/topups", { points: "999999999999", reference });
  for (let index = 0; index < 9; index += 1) expect((await topUp(`r${index}`)).status).toBe(201);
  const refused = await topUp("r9");
  expect([refused.status, refused.body.error.param]).toEqual([400, "points"]);
  const overdraft = await admin.call("PATCH", "/tenants/rich", { overdraft: "999999999999" });
  expect([overdraft.status, overdraft.body.error.param]).toEqual([400, "overdraft"]);
  expect((await admin.call("GET", "/tenants/rich/balance")).body.balance).toBe("8999999999991");
});

test("a ledger that cannot be reached is a 503 to come back for", async () => {
  const sql = connect("postgres://nobody@127.0.0.1:1/none", { max: 1 });
  const { call } = await adminApp(database, { tenants: createTenants(sql) });
  const refused = await call("GET", "/tenants/acme");
  expect([refused.status, refused.body.error.code]).toEqual([503, "overloaded"]);
  expect(refused.headers.get("retry-after")).toBe("1");
  await sql.end({ timeout: 0 });
});
