import { afterAll, beforeAll, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../../tests/postgres.ts";
import { hashOf } from "../../ledger/keys.ts";
import { ADMIN_KEY, adminApp } from "../testing/admin-app.ts";

let database: TestDatabase;
let admin: Awaited<ReturnType<typeof adminApp>>;
beforeAll(async () => {
  database = await testDatabase();
  admin = await adminApp(database);
  await admin.call("POST", "/tenants", { id: "acme", name: "Acme" });
});
afterAll(() => database.drop());

const FULL = {
  name: "backend",
  scopes: ["chat", "account"],
  models: ["deepseek-*"],
  vendors: ["deepseek"],
  expires_at: "2027-01-31T00:00:00Z",
  limits: { qps: 10, burst: 20, concurrency: 5 },
  budget: { points: "100", period: "month" },
  ips: ["10.0.0.0/8", "2001:db8::1"],
};

test("a key is told once and never again", async () => {
  const made = await admin.call("POST", "/tenants/acme/keys", FULL);
  expect(made.status).toBe(201);
  expect(made.headers.get("cache-control")).toBe("no-store");
  expect(Object.keys(made.body)).toEqual(["id", "key"]);
  expect(made.body.key).toMatch(/^sk-[A-Za-z0-9]{43}$/);
  const listed = await admin.call("GET", "/tenants/acme/keys");
  expect(listed.text).not.toContain(made.body.key);
  expect(listed.text).not.toContain(hashOf(made.body.key));
  expect(listed.body.data[0]).toMatchObject({
    ...FULL,
    id: made.body.id,
    expires_at: "2027-01-31T00:00:00.000Z",
    valid_until: null,
  });
  expect(await admin.ports.keys.find(hashOf(made.body.key))).toMatchObject({
    tenant: "acme",
    expiresAt: Date.UTC(2027, 0, 31),
    budget: { points: 100_000_000n, period: "month" },
  });
});

test.each([
  [{}, "name"],
  [{ name: "k", scopes: ["fly"] }, "scopes[0]"],
  [{ name: "k", limits: { qps: 0 } }, "limits.qps"],
  [{ name: "k", limits: { burst: 3 } }, "limits.qps"],
  [{ name: "k", limits: { speed: 3 } }, "limits.speed"],
  [{ name: "k", budget: { points: "0", period: "day" } }, "budget.points"],
  [{ name: "k", ips: ["10.0.0.0/33"] }, "ips[0]"],
  [{ name: "k", ips: ["home"] }, "ips[0]"],
  [{ name: "k", expires_at: "soon" }, "expires_at"],
  [{ name: "k", takeover: "before:0" }, "takeover"],
  [{ name: "k", secret: "mine" }, "secret"],
])("the key %p is refused, naming the field", async (body, param) => {
  const refused = await admin.call("POST", "/tenants/acme/keys", body);
  expect([refused.status, refused.body.error.param]).toEqual([400, param]);
});

test("a key may say whether its answers are taken over", async () => {
  const made = await admin.call("POST", "/tenants/acme/keys", { name: "k", takeover: "before:200" });
  const record = await admin.ports.keys.find(hashOf(made.body.key));
  expect(record?.policy).toEqual({ onShortBalance: "cap", takeover: "before:200" });
});

test("a revoked key is told to whoever knows it", async () => {
  const { body } = await admin.call("POST", "/tenants/acme/keys", { name: "k" });
  const revoked = await admin.call("DELETE", `/keys/${body.id}`);
  expect([revoked.status, revoked.body]).toEqual([200, { id: body.id, object: "key", deleted: true }]);
  expect(admin.told).toContain(`key ${body.id}`);
  const record = await admin.ports.keys.find(hashOf(body.key));
  expect(record?.validUntil).toBe(admin.clock.now());
  expect((await admin.call("DELETE", "/keys/key_none")).status).toBe(404);
});

test("a rotated key works on for its grace", async () => {
  const { body } = await admin.call("POST", "/tenants/acme/keys", { name: "k" });
  admin.told.length = 0;
  const rotated = await admin.call("POST", `/keys/${body.id}/rotate`, { grace: "2h" });
  expect(rotated.status).toBe(201);
  expect(rotated.body.key).not.toBe(body.key);
  expect(admin.told).toContain(`key ${body.id}`);
  const old = await admin.ports.keys.find(hashOf(body.key));
  expect(old?.validUntil).toBe(admin.clock.now() + 2 * 3_600_000);
  expect((await admin.call("POST", `/keys/${rotated.body.id}/rotate`)).status).toBe(201);
  const refused = await admin.call("POST", `/keys/${body.id}/rotate`, { grace: "long" });
  expect([refused.status, refused.body.error.param]).toEqual([400, "grace"]);
  expect((await admin.call("POST", "/keys/key_none/rotate")).status).toBe(404);
});

test("a key that is asked for, or rotated, again under its Idempotency-Key is made once", async () => {
  const headers = { "idempotency-key": "order-1" };
  const ask = (path: string, body: object, more: Record<string, string> = headers) =>
    admin.call("POST", path, body, ADMIN_KEY, more);
  const made = await ask("/tenants/acme/keys", { name: "once" });
  const again = await ask("/tenants/acme/keys", { name: "once" });
  expect([again.status, again.body]).toEqual([201, made.body]);
  expect(again.headers.get("x-sluice-idempotent-replay")).toBe("true");
  expect(again.headers.get("x-request-id")).toBe(made.headers.get("x-request-id"));
  const listed = await admin.call("GET", "/tenants/acme/keys");
  expect(listed.body.data.filter(({ name }: { name: string }) => name === "once")).toHaveLength(1);
  const other = await ask("/tenants/acme/keys", { name: "another" });
  expect([other.status, other.body.error.code]).toEqual([409, "idempotency_conflict"]);
  const rotate = () => ask(`/keys/${made.body.id}/rotate`, {}, { "idempotency-key": "order-2" });
  expect((await rotate()).body).toEqual((await rotate()).body);
  // What was refused is asked anew.
  const refused = { "idempotency-key": "order-3" };
  expect((await ask("/tenants/nobody/keys", { name: "x" }, refused)).status).toBe(404);
  expect((await ask("/tenants/acme/keys", { name: "x" }, refused)).status).toBe(201);
});
