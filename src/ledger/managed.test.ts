import { afterAll, beforeAll, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../tests/postgres.ts";
import { systemRandom } from "../core/random.ts";
import { createManaged } from "./managed.ts";
import { createSeal } from "./sealed.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

const managed = () => createManaged(database.sql, createSeal(new Uint8Array(32).fill(1), systemRandom));

test("a vendor comes back with its keys, which are nowhere in the clear", async () => {
  const vendors = managed();
  expect(await vendors.putVendor("v1", { adapter: "openai", keys: ["sk-very-secret"] })).toBe(true);
  expect(await vendors.vendors()).toEqual([
    { id: "v1", definition: { adapter: "openai", keys: ["sk-very-secret"] } },
  ]);
  const [row] = await database.sql`select encode(sealed, 'escape') || spec::text as text from managed_vendor`;
  expect(row?.text).not.toContain("very-secret");
});

test("a definition without keys keeps those that are there", async () => {
  const vendors = managed();
  expect(await vendors.putVendor("v1", { adapter: "openai", region: "eu" })).toBe(false);
  expect(await vendors.vendors()).toEqual([
    { id: "v1", definition: { adapter: "openai", region: "eu", keys: ["sk-very-secret"] } },
  ]);
  await vendors.putVendor("v1", { adapter: "openai", keys: [] });
  expect((await vendors.vendors())[0]?.definition.keys).toEqual([]);
});

test("what signs a vendor's messages is sealed like its keys, and each is kept where only the other is put", async () => {
  const vendors = managed();
  const definition = { adapter: "claid" };
  await vendors.putVendor("v2", { ...definition, keys: ["sk-1"], hookSecret: "hook-very-secret" });
  await vendors.putVendor("v2", { ...definition, keys: ["sk-2"] });
  const found = async () => (await vendors.vendors()).find(({ id }) => id === "v2")?.definition;
  expect(await found()).toEqual({ ...definition, keys: ["sk-2"], hookSecret: "hook-very-secret" });
  await vendors.putVendor("v2", { ...definition, hookSecret: "another" });
  expect(await found()).toEqual({ ...definition, keys: ["sk-2"], hookSecret: "another" });
  const [row] = await database.sql`select encode(sealed, 'escape') || spec::text as text from managed_vendor
                                   where id = 'v2'`;
  expect(row?.text).not.toContain("another");
  await vendors.deleteVendor("v2");
});

test("models are put, replaced and deleted", async () => {
  const models = managed();
  expect(await models.putModel("m", [{ vendor: "v1", model: "x", price: "free" }])).toBe(true);
  expect(await models.putModel("m", [{ vendor: "v1", model: "y", price: "free" }])).toBe(false);
  expect(await models.models()).toEqual([
    { name: "m", candidates: [{ vendor: "v1", model: "y", price: "free" }] },
  ]);
  expect(await models.deleteModel("m")).toBe(true);
  expect(await models.deleteModel("m")).toBe(false);
  expect(await models.deleteVendor("v1")).toBe(true);
  expect(await models.deleteVendor("v1")).toBe(false);
});
