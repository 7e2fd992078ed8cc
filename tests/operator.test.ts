import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Client, type Gateway, startGateway } from "./gateway.ts";

/** What an operator changes while the gateway runs. */
const candidate = (price: object) => [{ vendor: "sandbox", model: "sandbox-chat", price }];
const messages = [{ role: "user", content: "hi" }];

let gateway: Gateway;
let client: Client;

beforeAll(async () => {
  gateway = await startGateway({ models: { first: candidate({ input: 1, output: 3 }) } });
  client = await gateway.client("10");
}, 60_000);
afterAll(() => gateway.dispose(), 60_000);

const status = async (model: string) =>
  (await client.post("/v1/chat/completions", { model, messages })).status;

/** Waits for what happens by itself, a few seconds at most. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let turns = 0; turns < 100; turns += 1) {
    if (await isSo()) return;
    await Bun.sleep(50);
  }
  throw new Error("it did not come about");
}

test("a changed configuration is taken over, a bad one is not and says where", async () => {
  expect(await status("second")).toBe(404);
  await gateway.configure({ models: { second: candidate({ input: 1, output: 3 }) } });
  await until(async () => (await status("second")) === 200);
  expect(await status("first")).toBe(404);

  await gateway.configure({ models: { third: [{ vendor: "sandbox", model: "sandbox-chat" }] } });
  await until(async () => gateway.log().includes("models.third[0].price"));
  expect(await status("second")).toBe(200);
  expect(await status("third")).toBe(404);
  await gateway.configure({ models: { second: candidate({ input: 1, output: 3 }) } });
});

test("a vendor and a model that are made through the admin API serve at once", async () => {
  await gateway.admin("PUT", "/vendors/mine", { adapter: "sandbox" });
  await gateway.admin("PUT", "/models/made", [
    { vendor: "mine", model: "sandbox-chat", price: { input: 1, output: 1 } },
  ]);
  const response = await client.post("/v1/chat/completions", { model: "made", messages });
  expect([response.status, response.headers.get("x-sluice-vendor")]).toEqual([200, "mine"]);
  await gateway.kill();
  await gateway.restart();
  expect(await status("made")).toBe(200);
});

test("a revoked key is refused at once, a rotated one works on for its grace", async () => {
  const other = await gateway.client("1");
  const ask = async (key: string) =>
    (await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status;
  expect(await ask(other.key)).toBe(200);
  const rotated = await gateway.admin<{ id: string; key: string }>("POST", `/keys/${other.keyId}/rotate`, {
    grace: "1h",
  });
  expect([await ask(other.key), await ask(rotated.key)]).toEqual([200, 200]);
  await gateway.admin("DELETE", `/keys/${rotated.id}`);
  expect([await ask(other.key), await ask(rotated.key)]).toEqual([200, 401]);
});

test("a top-up is there for the next request", async () => {
  const poor = await gateway.client("0");
  const body = { model: "second", messages, max_tokens: 10 };
  expect((await poor.post("/v1/chat/completions", body)).status).toBe(402);
  await gateway.admin("POST", `/tenants/${poor.tenant}/topups`, { points: "1", reference: "r1" });
  expect((await poor.post("/v1/chat/completions", body)).status).toBe(200);
});
