import { afterAll, beforeAll, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../../tests/postgres.ts";
import { adminApp } from "../testing/admin-app.ts";

let database: TestDatabase;
let admin: Awaited<ReturnType<typeof adminApp>>;
beforeAll(async () => {
  database = await testDatabase();
  admin = await adminApp(database);
});
afterAll(() => database.drop());

test("a tenant is made, read, changed and listed", async () => {
  const made = await admin.call("POST", "/tenants", { id: "acme", name: "Acme", overdraft: "1.5" });
  expect(made.status).toBe(201);
  expect(made.headers.get("x-request-id")).toStartWith("req_");
  expect(made.body).toMatchObject({ id: "acme", name: "Acme", tier: "normal", overdraft: "1.5" });
  const changed = await admin.call("PATCH", "/tenants/acme", { tier: "vip", overdraft: 2 });
  expect(changed.body).toMatchObject({ tier: "vip", overdraft: "2", name: "Acme" });
  expect(admin.told).toContain("tenant acme");
  expect((await admin.call("GET", "/tenants/acme")).body).toEqual(changed.body);
  const other = await admin.call("POST", "/tenants", { name: "Someone" });
  expect(other.body.id).toStartWith("tenant_");
  const listed = await admin.call("GET", "/tenants?limit=1");
  expect(listed.body).toEqual({ object: "list", data: [changed.body], has_more: true });
  const rest = await admin.call("GET", "/tenants?after=acme");
  expect(rest.body).toEqual({ object: "list", data: [other.body], has_more: false });
  expect(admin.told).toContain("counted PATCH /admin/v1/tenants/{id} 200");
});

test("an id is given once", async () => {
  const again = await admin.call("POST", "/tenants", { id: "acme", name: "Acme" });
  expect(again.status).toBe(409);
  expect(again.body.error).toMatchObject({ code: "conflict", param: "id" });
});

test.each([
  [{}, "name"],
  [{ name: "x", colour: "red" }, "colour"],
  [{ name: "x", tier: "gold" }, "tier"],
  [{ name: "x", overdraft: "-1" }, "overdraft"],
  [{ name: "x", overdraft: "0.0000001" }, "overdraft"],
  [{ name: "x", overdraft: 1e-7 }, "overdraft"],
  [{ name: "x", id: "a/b" }, "id"],
])("the tenant %p is refused, naming the field", async (body, param) => {
  const refused = await admin.call("POST", "/tenants", body);
  expect(refused.status).toBe(400);
  expect(refused.body.error).toMatchObject({ type: "invalid_request_error", param });
});

test("what is no JSON, no object, or too much is refused", async () => {
  expect((await admin.call("POST", "/tenants", "{")).body.error.code).toBe("invalid_json");
  expect((await admin.call("POST", "/tenants", "[]")).status).toBe(400);
  expect((await admin.call("POST", "/tenants", " ".repeat(2 * 1024 * 1024))).status).toBe(413);
});

test("an unknown tenant is not found, whatever is asked of it", async () => {
  for (const [method, path, body] of [
    ["GET", "/tenants/nobody"],
    ["PATCH", "/tenants/nobody", { name: "x" }],
    ["GET", "/tenants/nobody/balance"],
    ["GET", "/tenants/nobody/keys"],
    ["POST", "/tenants/nobody/topups", { points: "1", reference: "r" }],
    ["POST", "/tenants/nobody/keys", { name: "k" }],
  ] as const) {
    const refused = await admin.call(method, path, body);
    expect([path, refused.status]).toEqual([path, 404]);
  }
});

test("the same reference is one top-up; with another amount it is a conflict", async () => {
  const first = await admin.call("POST", "/tenants/acme/topups", { points: "12.5", reference: "inv-1" });
  expect([first.status, first.body]).toEqual([201, { balance: "12.5" }]);
  const again = await admin.call("POST", "/tenants/acme/topups", { points: 12.5, reference: "inv-1" });
  expect([again.status, again.body]).toEqual([200, { balance: "12.5" }]);
  const other = await admin.call("POST", "/tenants/acme/topups", { points: "13", reference: "inv-1" });
  expect(other.status).toBe(409);
  expect(other.body.error.code).toBe("idempotency_conflict");
});

test.each([
  [{ points: "0", reference: "r" }, "points"],
  [{ points: "-1", reference: "r" }, "points"],
  [{ points: 0.1 + 0.2, reference: "r" }, "points"],
  [{ points: true, reference: "r" }, "points"],
  [{ points: "1" }, "reference"],
  [{ points: "1", reference: "" }, "reference"],
])("the top-up %p is refused", async (body, param) => {
  const refused = await admin.call("POST", "/tenants/acme/topups", body);
  expect([refused.status, refused.body.error.param]).toEqual([400, param]);
});

test("a balance is asked of a ledger that has everything, purses included", async () => {
  await database.sql`select * from grant_points('g1', 'acme', 'node-1', null, 2500000, 1)`;
  admin.told.length = 0;
  const { body } = await admin.call("GET", "/tenants/acme/balance");
  expect(body).toEqual({ balance: "12.5", reserved: "0.5", available: "12", spent: "0" });
  expect(admin.told[0]).toBe("flushed");
});

test("a balance that the ledger cannot tell yet is a 503 to come back for", async () => {
  const { call } = await adminApp(database, { flush: () => Promise.reject(new Error("away")) });
  const refused = await call("GET", "/tenants/acme/balance");
  expect([refused.status, refused.body.error.code]).toEqual([503, "overloaded"]);
  expect(refused.headers.get("retry-after")).toBe("1");
});
