import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../tests/postgres.ts";
import { keyId, tenantId } from "../core/ids.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { micropointsOf, ZERO } from "../core/points.ts";
import { systemRandom } from "../core/random.ts";
import { createKeys, hashOf, type Keys, type NewKey } from "./keys.ts";
import { createTenants } from "./tenants.ts";

let database: TestDatabase;
let keys: Keys;
const clock = new ManualClock();
const tenant = tenantId("acme");

beforeAll(async () => {
  database = await testDatabase();
  keys = createKeys(database.sql, { clock, random: systemRandom });
  await createTenants(database.sql).create({ id: tenant, name: "Acme", tier: "vip", overdraft: ZERO });
});
afterAll(() => database.drop());

const plain: NewKey = {
  tenant,
  name: "plain",
  scopes: null,
  models: null,
  vendors: null,
  ips: null,
  limits: null,
  budget: null,
  policy: { onShortBalance: "cap" },
  expiresAt: null,
};
const restricted: NewKey = {
  ...plain,
  name: 'restricted, "quoted" {and} braced',
  scopes: ["chat", "a,b", 'with "quotes"'],
  models: ["deepseek-*", "{x}"],
  vendors: [],
  ips: ["10.0.0.0/8", "::1/128"],
  limits: { qps: 2.5, burst: 7, concurrency: 3 },
  budget: { points: micropointsOf(9_007_199_254_740_993n), period: "month" },
  policy: { onShortBalance: "refuse", takeover: "before:200" },
  expiresAt: 1_900_000_000_123,
};

const found = async (secret: string) => {
  const record = await keys.find(hashOf(secret));
  if (record === undefined) throw new Error("there is no such key");
  return record;
};

describe("a key", () => {
  test.each([plain, restricted])("is found by its secret's hash as it was made", async (made) => {
    const { id, secret } = await keys.create(made);
    expect(secret).toMatch(/^sk-[0-9A-Za-z]{43}$/);
    expect(await found(secret)).toMatchObject({ ...made, id, tier: "vip", validUntil: null });
  });

  test("leaves its secret nowhere in the ledger", async () => {
    const { secret } = await keys.create(plain);
    const [row] = await database.sql<{ hits: number }[]>`
      select count(*)::int as hits from api_key k where k::text like ${`%${secret.slice(3)}%`}`;
    expect(row?.hits).toBe(0);
  });

  test("that was never made is not found, and one for nobody is not made", async () => {
    expect(await keys.find(hashOf("sk-guess"))).toBeUndefined();
    await expect(keys.create({ ...plain, tenant: tenantId("nobody") })).rejects.toMatchObject({
      code: "not_found",
    });
  });

  test("follows its tenant's tier", async () => {
    const { secret } = await keys.create(plain);
    await createTenants(database.sql).update(tenant, { tier: "test" });
    expect((await found(secret)).tier).toBe("test");
    await createTenants(database.sql).update(tenant, { tier: "vip" });
  });

  test("that is revoked is so from now on, and a later revocation does not lengthen its life", async () => {
    const { id, secret } = await keys.create(plain);
    const at = clock.now();
    expect(await keys.revoke(id)).toBe(true);
    await clock.advance(1_000);
    expect(await keys.revoke(id)).toBe(true);
    expect((await found(secret)).validUntil).toBe(at);
    expect(await keys.revoke(keyId("key_none"))).toBe(false);
  });

  test("that is rotated has a heir with the same rights and works for the grace", async () => {
    const old = await keys.create(restricted);
    const heir = await keys.rotate(old.id, 5_000);
    expect((await found(old.secret)).validUntil).toBe(clock.now() + 5_000);
    const { id: _, createdAt: __, ...rights } = await found(old.secret);
    expect(await found(heir.secret)).toMatchObject({ ...rights, id: heir.id, validUntil: null });
    await keys.revoke(old.id);
    expect((await found(old.secret)).validUntil).toBe(clock.now());
  });

  test("that is revoked, or whose grace is over, has no heirs", async () => {
    const revoked = await keys.create(plain);
    await keys.revoke(revoked.id);
    await expect(keys.rotate(revoked.id, 5_000)).rejects.toMatchObject({ code: "not_found" });
    const rotated = await keys.create(plain);
    await keys.rotate(rotated.id, 5_000);
    await clock.advance(5_000);
    await expect(keys.rotate(rotated.id, 5_000)).rejects.toMatchObject({ code: "not_found" });
    await expect(keys.rotate(keyId("key_none"), 0)).rejects.toMatchObject({ code: "not_found" });
  });
});

test("a tenant's keys are listed oldest first, without anybody else's", async () => {
  const other = tenantId("other");
  await createTenants(database.sql).create({ id: other, name: "Other", tier: "normal", overdraft: ZERO });
  const made = [];
  for (const name of ["one", "two", "three"]) made.push(await keys.create({ ...plain, tenant: other, name }));
  expect((await keys.list(other)).map(({ id }) => id)).toEqual(made.map(({ id }) => id));
  expect((await keys.list(other)).map(({ name }) => name)).toEqual(["one", "two", "three"]);
});
