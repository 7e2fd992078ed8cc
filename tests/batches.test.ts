import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Client, type Gateway, micro, startGateway } from "./gateway.ts";
import { type MockVendor, startMockVendor } from "./mock-vendor.ts";
import { type TestDatabase, testDatabase } from "./postgres.ts";

/** Batches: many requests as one task, each charged once, at the batch's price. */
let gateway: Gateway;
let client: Client;
let vendor: MockVendor;
let database: TestDatabase;

const CALL = 1_000_000n;

beforeAll(async () => {
  vendor = startMockVendor();
  database = await testDatabase();
  gateway = await startGateway(
    {
      vendors: {
        far: { adapter: "openai-compatible", baseUrl: vendor.url, keys: ["sk-of-the-vendor-0123"] },
      },
      models: {
        chat: [{ vendor: "far", model: "x", price: { call: 1, serviceTiers: { batch: 50 } } }],
        pics: [
          {
            vendor: "sandbox",
            model: "sandbox-image",
            operations: ["image"],
            price: { image: 2, serviceTiers: { batch: 50 } },
          },
        ],
      },
    },
    { DATABASE_URL: database.url },
  );
}, 90_000);
afterAll(async () => {
  await gateway.dispose();
  vendor.stop();
  await database.drop();
}, 60_000);

interface BatchView {
  readonly id: string;
  readonly status: string;
  readonly cost: string | null;
  readonly request_counts?: { readonly total: number; readonly completed: number; readonly failed: number };
}
interface LineView {
  readonly custom_id: string | null;
  readonly response: {
    readonly status_code: number;
    readonly body: {
      readonly error?: { readonly code: string };
      readonly data?: readonly { readonly url: string }[];
    };
  };
}

const line = (id: number, body: object = {}) => ({
  custom_id: `c-${id}`,
  method: "POST",
  url: "/v1/chat/completions",
  body: { model: "chat", messages: [{ role: "user", content: `line ${id}` }], ...body },
});
const made = async (body: unknown, headers: Record<string, string> = {}): Promise<BatchView> => {
  const response = await client.post("/v1/tasks", body, headers);
  const task = (await response.json()) as BatchView;
  expect([response.status, task.status]).toEqual([201, "queued"]);
  return task;
};
async function ended(id: string): Promise<BatchView> {
  for (;;) {
    const task = (await (await client.get(`/v1/tasks/${id}`)).json()) as BatchView;
    if (["succeeded", "failed", "cancelled"].includes(task.status)) return task;
    await Bun.sleep(25);
  }
}
const output = async (id: string): Promise<readonly LineView[]> =>
  (await (await client.get(`/v1/tasks/${id}/output`)).text())
    .split("\n")
    .filter((text) => text !== "")
    .map((text) => JSON.parse(text) as LineView);

/** The client paid for so many calls at half their price, and the books are right. */
async function expectCharged(halves: number): Promise<void> {
  while (micro((await client.balance()).reserved) !== 0n) await Bun.sleep(20);
  expect(micro((await client.balance()).spent)).toBe((CALL / 2n) * BigInt(halves));
  expect(await gateway.admin("GET", "/ledger/reconcile")).toMatchObject({ ok: true });
}

test("each line is answered under its own name, in order, at the batch's price; a bad line harms no other", async () => {
  client = await gateway.client("100");
  const bad = line(2, { model: "nobody" });
  const { id } = await made({ type: "batch", requests: [line(1), bad, line(3)] });
  expect(await ended(id)).toMatchObject({
    status: "succeeded",
    cost: "1",
    request_counts: { total: 3, completed: 2, failed: 1 },
  });
  const lines = await output(id);
  expect(lines.map(({ custom_id }) => custom_id)).toEqual(["c-1", "c-2", "c-3"]);
  expect(lines.map(({ response }) => response.status_code)).toEqual([200, 404, 200]);
  expect(lines[1]?.response.body.error?.code).toBe("model_not_found");
  await expectCharged(2);
}, 60_000);

test("JSON lines are a batch by themselves, and pictures may be among them", async () => {
  client = await gateway.client("100");
  const picture = { url: "/v1/images/generations", body: { model: "pics", prompt: "[[sandbox ms=0]] x" } };
  const text = [line(1), picture].map((one) => JSON.stringify(one)).join("\n");
  const { id } = await made(text, { "content-type": "application/jsonl" });
  expect(await ended(id)).toMatchObject({ status: "succeeded", cost: "1.5" });
  const [, second] = await output(id);
  const url = second?.response.body.data?.[0]?.url ?? "";
  expect((await fetch(url)).status).toBe(200);
  await expectCharged(3);
}, 60_000);

test("what cannot be a batch is refused, with the line", async () => {
  client = await gateway.client("1");
  const refused = async (body: unknown, who = client) => {
    const response = await who.post("/v1/tasks", body);
    const { error } = (await response.json()) as { error: { code: string; param: string } };
    return [response.status, error.param ?? error.code];
  };
  expect(await refused({ type: "batch", requests: [] })).toEqual([400, "requests"]);
  expect(await refused({ type: "batch", requests: [line(1), { ...line(1) }] })).toEqual([
    400,
    "requests[1].custom_id",
  ]);
  expect(await refused({ type: "batch", requests: [{ ...line(1), url: "/v1/tasks" }] })).toEqual([
    400,
    "requests[0].url",
  ]);
  expect(await refused({ type: "batch", requests: [line(1, { stream: true })] })).toEqual([
    400,
    "requests[0].body.stream",
  ]);
  const drawer = await gateway.client("1", { scopes: ["images"] });
  expect(await refused({ type: "batch", requests: [line(1)] }, drawer)).toEqual([403, "permission_denied"]);
}, 60_000);

test("a batch that is cancelled keeps what was done, and pays for that alone", async () => {
  client = await gateway.client("100");
  vendor.always({ hold: "headers" });
  const { id } = await made({ type: "batch", requests: Array.from({ length: 20 }, (_, at) => line(at)) });
  await vendor.held.reached(8);
  await client.post(`/v1/tasks/${id}/cancel`, {});
  vendor.always({});
  vendor.release();
  const task = await ended(id);
  expect(task).toMatchObject({ status: "cancelled", request_counts: { total: 20, completed: 8, failed: 0 } });
  expect(await output(id)).toHaveLength(8);
  await expectCharged(8);
}, 60_000);

test("a batch whose lines wait to be tried again ends at once when it is cancelled", async () => {
  client = await gateway.client("100", { limits: { qps: 0.02, burst: 1 } });
  vendor.always({});
  const { id } = await made({ type: "batch", requests: [line(1), line(2)] });
  while ((await output(id)).length < 1) await Bun.sleep(25);
  // The other one has been told to come again in most of a minute, which is longer than this test may take.
  await Bun.sleep(500);
  await client.post(`/v1/tasks/${id}/cancel`, {});
  const task = await ended(id);
  expect(task).toMatchObject({ status: "cancelled", request_counts: { total: 2, completed: 1, failed: 0 } });
  await expectCharged(1);
}, 15_000);

test("a batch whose node is killed goes on: no line that was done runs again, none is charged twice", async () => {
  client = await gateway.client("100");
  let served = 0;
  vendor.always(() => {
    served += 1;
    return served > 12 ? { hold: "headers" } : {};
  });
  const { id } = await made({ type: "batch", requests: Array.from({ length: 30 }, (_, at) => line(at)) });
  while ((await output(id)).length < 12) await Bun.sleep(20);
  await gateway.kill();
  vendor.release();
  vendor.always(() => {
    served += 1;
    return {};
  });
  await gateway.restart();
  expect(await ended(id)).toMatchObject({
    status: "succeeded",
    request_counts: { total: 30, completed: 30 },
  });
  const lines = await output(id);
  expect(lines.map(({ custom_id }) => custom_id)).toEqual(Array.from({ length: 30 }, (_, at) => `c-${at}`));
  // Those that were in the vendor's hands when the node died ran again.
  expect(served).toBeLessThanOrEqual(38);
  await expectCharged(30);
}, 90_000);
