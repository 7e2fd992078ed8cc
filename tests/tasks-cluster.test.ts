import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Cluster, startCluster } from "./cluster.ts";
import { type Client, micro } from "./gateway.ts";
import { type MockImageVendor, startMockImageVendor } from "./mock-image-vendor.ts";
import type { TaskView } from "./task-world.ts";

/** Tasks in a cluster: asked for at one node, looked at, cancelled and gone on with at another. */
let vendor: MockImageVendor;
let cluster: Cluster;
let client: Client;

beforeAll(async () => {
  vendor = startMockImageVendor();
  const easel = { vendor: "easel", model: "easel-1", operations: ["image"], price: { image: "0.5" } };
  cluster = await startCluster(
    { vendors: { easel: { adapter: "sandbox", baseUrl: vendor.url } }, models: { pics: [easel] } },
    { nodes: 2 },
  );
  client = await node(0).client("10");
}, 120_000);
afterAll(async () => {
  await cluster.dispose();
  vendor.stop();
}, 60_000);

function node(at: number) {
  const found = cluster.nodes[at];
  if (found === undefined) throw new Error("there is no such node");
  return found;
}
const authorization = () => ({ authorization: `Bearer ${client.key}` });
const at = async <Answer>(index: number, path: string, method = "GET"): Promise<Answer> => {
  const response = await fetch(node(index).url + path, { method, headers: authorization() });
  return (await response.json()) as Answer;
};
async function reached(index: number, id: string, status: string): Promise<TaskView> {
  for (;;) {
    const task = await at<TaskView>(index, `/v1/tasks/${id}`);
    if (task.status === status) return task;
    await Bun.sleep(50);
  }
}
async function running(): Promise<string> {
  vendor.behave({ ask: "running" });
  const { id } = (await (await client.post("/v1/tasks", { model: "pics", prompt: "x" })).json()) as TaskView;
  await reached(0, id, "running");
  return id;
}
const jobsFor = (id: string) => vendor.jobs.filter(({ mark }) => mark === id).length;

test("events are read and a task is cancelled at a node that does not run it", async () => {
  const id = await running();
  const events = await fetch(`${node(1).url}/v1/tasks/${id}/events`, { headers: authorization() });
  const told = events.text();
  expect(await at<object>(1, `/v1/tasks/${id}/cancel`, "POST")).toMatchObject({ cancel_requested: true });
  expect(await told).toContain("event: task.cancelled");
  expect(await at<TaskView>(0, `/v1/tasks/${id}`)).toMatchObject({ status: "cancelled", cost: "0" });
}, 60_000);

test("a task whose node is killed is gone on with at another, with one job and one charge", async () => {
  const id = await running();
  await node(0).kill();
  const events = await fetch(`${node(1).url}/v1/tasks/${id}/events`, { headers: authorization() });
  const told = events.text();
  vendor.behave({});
  expect(await reached(1, id, "succeeded")).toMatchObject({ cost: "0.5" });
  expect(await told).toContain("event: task.succeeded");
  expect(jobsFor(id)).toBe(1);
  await node(0).restart();
  for (;;) {
    const { spent, reserved } = await node(1).admin<{ spent: string; reserved: string }>(
      "GET",
      `/tenants/${client.tenant}/balance`,
    );
    if (micro(spent) === 500_000n && micro(reserved) === 0n) break;
    expect(micro(spent)).toBeLessThanOrEqual(500_000n);
    await Bun.sleep(100);
  }
}, 120_000);

test("a task whose points are in the purse of the node that was killed still gets what its vendor makes", async () => {
  const rich = client;
  client = await node(0).client("0.5");
  const id = await running();
  await node(0).kill();
  vendor.behave({});
  // The points are back only with the node: the platform bears the cost, and it is seen.
  const task = await reached(1, id, "succeeded");
  expect(task).toMatchObject({ cost: "0" });
  expect(jobsFor(id)).toBe(1);
  const seen = await at<{ charged: string; loss: string }>(1, `/v1/receipts/${task.receipt}`);
  expect(seen).toMatchObject({ charged: "0", loss: "0.5" });
  await node(0).restart();
  client = rich;
}, 120_000);

test("a task whose node only slept is another's by then: one job, one charge, and the sleeper changes nothing", async () => {
  const before = micro(
    (await node(1).admin<{ spent: string }>("GET", `/tenants/${client.tenant}/balance`)).spent,
  );
  const id = await running();
  process.kill(node(0).pid, "SIGSTOP");
  vendor.behave({});
  expect(await reached(1, id, "succeeded")).toMatchObject({ cost: "0.5" });
  process.kill(node(0).pid, "SIGCONT");
  expect(jobsFor(id)).toBe(1);
  const view = () =>
    node(1).admin<{ spent: string; reserved: string }>("GET", `/tenants/${client.tenant}/balance`);
  for (let quiet = 0; quiet < 10; ) {
    const { spent, reserved } = await view();
    expect(micro(spent) - before).toBeLessThanOrEqual(500_000n);
    quiet = micro(spent) - before === 500_000n && micro(reserved) === 0n ? quiet + 1 : 0;
    await Bun.sleep(200);
  }
}, 120_000);

test("a task whose node stops is left to another at once", async () => {
  const id = await running();
  await node(0).stop();
  vendor.behave({});
  expect(await reached(1, id, "succeeded")).toMatchObject({ cost: "0.5" });
  expect(jobsFor(id)).toBe(1);
}, 120_000);
