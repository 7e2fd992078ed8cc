import { afterAll, beforeAll, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../../tests/postgres.ts";
import { ADMIN_KEY, adminApp } from "../testing/admin-app.ts";

let database: TestDatabase;
let admin: Awaited<ReturnType<typeof adminApp>>;
beforeAll(async () => {
  database = await testDatabase();
  admin = await adminApp(database);
});
afterAll(() => database.drop());

const mint = async (permissions: readonly string[], ttl = "1h", key = ADMIN_KEY) =>
  admin.call("POST", "/tokens", { permissions, ttl }, key);

test("without a valid key or token nothing is answered, not even what exists", async () => {
  for (const path of ["/tenants", "/tenants/x", "/ledger/reconcile", "/vendors"]) {
    for (const headers of [{}, { authorization: "Bearer sk-wrong" }, { authorization: "Basic YTpi" }]) {
      const request = new Request(`http://localhost/admin/v1${path}`, { headers });
      const response = await admin.app.handle(request);
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ error: { code: "invalid_api_key" } });
    }
  }
});

test("the admin key also comes as x-admin-key", async () => {
  const request = new Request("http://localhost/admin/v1/tenants", { headers: { "x-admin-key": ADMIN_KEY } });
  expect((await admin.app.handle(request)).status).toBe(200);
});

test("a token opens what it carries and nothing else", async () => {
  const made = await mint(["tenants:read", "ledger:*"]);
  expect(made.status).toBe(201);
  expect(made.body).toMatchObject({
    permissions: ["tenants:read", "ledger:*"],
    expires_at: "2026-01-01T01:00:00.000Z",
  });
  const { token } = made.body;
  expect((await admin.call("GET", "/tenants", undefined, token)).status).toBe(200);
  expect((await admin.call("GET", "/ledger/reconcile", undefined, token)).status).toBe(200);
  const refused = await admin.call("POST", "/tenants", { name: "x" }, token);
  expect([refused.status, refused.body.error.code]).toEqual([403, "permission_denied"]);
  expect((await mint(["tenants:read"], "1h", token)).status).toBe(403);
});

test("nobody gives more than they have, nor for longer", async () => {
  const { token } = (await mint(["tokens:write", "tenants:read"], "1h")).body;
  const more = await mint(["tenants:write"], "1h", token);
  expect([more.status, more.body.error.param]).toEqual([403, "permissions"]);
  expect((await mint(["tenants:*"], "1h", token)).status).toBe(403);
  expect((await mint(["admin:*"], "1h", token)).status).toBe(403);
  const longer = await mint(["tenants:read"], "24h", token);
  expect(longer.body.expires_at).toBe("2026-01-01T01:00:00.000Z");
  expect((await mint(["everything"])).body.error.param).toBe("permissions[0]");
  expect((await mint(["admin:*"], "0s")).body.error.param).toBe("ttl");
});

test("a token ends with its time", async () => {
  const own = await adminApp(database);
  const { body } = await own.call("POST", "/tokens", { permissions: ["admin:*"], ttl: "1m" });
  await own.clock.advance(59_000);
  expect((await own.call("GET", "/tenants", undefined, body.token)).status).toBe(200);
  await own.clock.advance(2_000);
  expect((await own.call("GET", "/tenants", undefined, body.token)).status).toBe(401);
});

test("a token of another maker, without a signature or changed is none", async () => {
  const other = await adminApp(database, { tokenSecret: new Uint8Array(32).fill(9) });
  const foreign = await other.call("POST", "/tokens", { permissions: ["admin:*"] });
  const [head = "", claims = "", signature = ""] = (await mint(["tenants:read"])).body.token.split(".");
  const decoded = JSON.parse(Buffer.from(claims, "base64url").toString());
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const grown = encode({ ...decoded, permissions: ["admin:*"] });
  for (const token of [
    foreign.body.token,
    `${head}.${grown}.${signature}`,
    `${encode({ alg: "none" })}.${grown}.`,
    `${encode({ alg: "HS512" })}.${claims}.${signature}`,
  ]) {
    expect((await admin.call("GET", "/tenants", undefined, token)).status).toBe(401);
  }
});
