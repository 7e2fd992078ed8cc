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

const VENDOR = { adapter: "openai", keys: [{ id: "first", key: "sk-very-secret" }], limits: { qps: 5 } };
const MODEL = [{ vendor: "mine", model: "vendor-model", quality: 0.9, price: { input: "2", output: 8 } }];

test("a vendor is made, shown without its keys, replaced and removed", async () => {
  const made = await admin.call("PUT", "/vendors/mine", VENDOR);
  expect(made.status).toBe(201);
  expect(made.text).not.toContain("secret");
  expect(made.body).toMatchObject({
    id: "mine",
    managed: true,
    adapter: "openai",
    keys: [{ id: "first", weight: 1, cooling: false }],
    breaker: "closed",
    limits: { qps: 5 },
    limits_left: { calls_today: 3 },
  });
  const replaced = await admin.call("PUT", "/vendors/mine", { adapter: "openai", region: "eu" });
  expect([replaced.status, replaced.body.region, replaced.body.keys.length]).toEqual([200, "eu", 1]);
  const listed = await admin.call("GET", "/vendors");
  expect(listed.text).not.toContain("secret");
  expect(listed.body.data.map(({ id, managed }: Record<string, unknown>) => [id, managed])).toEqual(
    expect.arrayContaining([
      ["sandbox", false],
      ["mine", true],
    ]),
  );
});

test("a model is made of candidates, and shows its prices exactly", async () => {
  const made = await admin.call("PUT", "/models/org%2Fmine", MODEL);
  expect(made.status).toBe(201);
  expect(made.body).toMatchObject({
    id: "org/mine",
    managed: true,
    candidates: [
      {
        vendor: "mine",
        price: { kind: "metered", input: "2", output: "8" },
        breaker: "closed",
        quality: 0.9,
      },
    ],
  });
  expect((await admin.call("DELETE", "/vendors/mine")).status).toBe(409);
  expect((await admin.call("DELETE", "/models/org%2Fmine")).body).toMatchObject({ deleted: true });
  expect((await admin.call("DELETE", "/models/org%2Fmine")).status).toBe(404);
  expect((await admin.call("DELETE", "/vendors/mine")).status).toBe(200);
  expect((await admin.call("GET", "/vendors")).text).not.toContain("mine");
});

test("what the file declares is read-only, and the file is named", async () => {
  for (const [method, path, body] of [
    ["PUT", "/vendors/sandbox", { adapter: "sandbox" }],
    ["DELETE", "/vendors/sandbox"],
    ["PUT", "/models/declared", [{ vendor: "sandbox", model: "x", price: "free" }]],
    ["DELETE", "/models/declared"],
  ] as const) {
    const refused = await admin.call(method, path, body);
    expect([refused.status, refused.body.error.code]).toEqual([409, "conflict"]);
    expect(refused.body.error.message).toContain("sluice.yaml");
  }
});

test("a vendor may be called like something that every object has", async () => {
  const made = await admin.call("PUT", "/vendors/constructor", VENDOR);
  expect([made.status, made.body.id]).toEqual([201, "constructor"]);
  expect((await admin.call("DELETE", "/vendors/constructor")).status).toBe(200);
});

test.each([
  ["/vendors/v", { adapter: "openai" }, "keys"],
  ["/vendors/v", { adapter: "openai", keys: ["sk-1"], colour: 1 }, "colour"],
  ["/vendors/v", { adapter: "carrier-pigeon" }, "adapter"],
  ["/vendors/a.b", { adapter: "sandbox" }, "id"],
  ["/models/m", [{ vendor: "sandbox", model: "x" }], "[0].price"],
  ["/models/m", [{ vendor: "nobody", model: "x", price: "free" }], "[0].vendor"],
  ["/models/m", [], null],
])("PUT %s with %j is refused, naming the field", async (path, body, param) => {
  const refused = await admin.call("PUT", path, body);
  expect([refused.status, refused.body.error.param]).toEqual([400, param]);
});
