import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../tests/postgres.ts";
import { tenantId } from "../core/ids.ts";
import { micropointsOf, ZERO } from "../core/points.ts";
import { createTenants, type Tenants } from "./tenants.ts";

let database: TestDatabase;
let tenants: Tenants;

beforeAll(async () => {
  database = await testDatabase();
  tenants = createTenants(database.sql);
});
afterAll(() => database.drop());

const tenant = (id: string) => ({ id: tenantId(id), name: "T", tier: "normal" as const, overdraft: ZERO });

describe("a tenant", () => {
  test("is kept as it was made, and changed in part", async () => {
    const made = await tenants.create({ ...tenant("one"), name: "Żółw 🐢", overdraft: micropointsOf(5n) });
    expect(made).toMatchObject({ name: "Żółw 🐢", tier: "normal", overdraft: micropointsOf(5n) });
    expect(await tenants.get(tenantId("one"))).toEqual(made);
    const changed = await tenants.update(tenantId("one"), { tier: "vip" });
    expect(changed).toEqual({ ...made, tier: "vip" });
    expect(await tenants.update(tenantId("one"), { overdraft: ZERO })).toEqual({
      ...made,
      tier: "vip",
      overdraft: ZERO,
    });
  });

  test("that is not there is not answered", async () => {
    expect(await tenants.get(tenantId("none"))).toBeUndefined();
    expect(await tenants.update(tenantId("none"), { name: "x" })).toBeUndefined();
  });

  test("is made once when many make it at the same time", async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, () => tenants.create(tenant("race"))),
    );
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const [row] = await database.sql<{ accounts: number }[]>`
      select count(*)::int as accounts from account where tenant = 'race'`;
    expect(row?.accounts).toBe(1);
    await expect(tenants.create(tenant("race"))).rejects.toMatchObject({ code: "conflict" });
  });

  test.each(["", " ", "-a", "a/b", "a b", "x".repeat(65), "ä"])("cannot be named '%s'", async (id) => {
    await expect(tenants.create(tenant(id))).rejects.toMatchObject({ code: "invalid_request" });
  });
});

test("tenants are listed page by page", async () => {
  for (const id of ["p3", "p1", "p2"]) await tenants.create(tenant(id));
  const first = await tenants.list({ after: "p", limit: 2 });
  expect(first.map(({ id }) => String(id))).toEqual(["p1", "p2"]);
  const second = await tenants.list({ after: "p2", limit: 1 });
  expect(second.map(({ id }) => String(id))).toEqual(["p3"]);
});
