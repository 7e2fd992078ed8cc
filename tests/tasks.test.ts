import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import type { Client } from "./gateway.ts";
import { PRICE, startTaskWorld, type TaskWorld } from "./task-world.ts";

/** Tasks through everything they go through. */
let world: TaskWorld;
beforeAll(async () => {
  world = await startTaskWorld();
}, 90_000);
afterAll(() => world.dispose(), 60_000);
afterEach(() => world.vendor.behave({}));

describe("a task", () => {
  test("fails where its vendor refuses the job, and another vendor takes it where there is one", async () => {
    await world.newClient();
    world.vendor.behave({ submit: "refuse" });
    const alone = await world.ended((await world.made({ model: "pics", prompt: "x" })).id);
    expect(alone).toMatchObject({ status: "failed", cost: "0", error: { code: "vendor_unavailable" } });
    const other = await world.ended((await world.made({ model: "two", prompt: "x", size: "40x40" })).id);
    expect(other).toMatchObject({ status: "succeeded", vendor: "sandbox", output: [{ width: 40 }] });
    await world.expectSpent(PRICE);
  }, 60_000);

  test("whose submission's answer broke off is found again, and not submitted twice", async () => {
    await world.newClient();
    world.vendor.behave({ submit: "take and cut" });
    const task = await world.ended((await world.made({ model: "pics", prompt: "x" })).id);
    expect(task).toMatchObject({ status: "succeeded", cost: PRICE });
    expect(world.jobsFor(task.id)).toBe(1);
    await world.expectSpent(PRICE);
  }, 60_000);

  test("that its vendor tells of only after a moment is not submitted twice either", async () => {
    await world.newClient();
    world.vendor.behave({ submit: "take and cut", find: "late" });
    const task = await world.ended((await world.made({ model: "pics", prompt: "x" })).id);
    expect(task).toMatchObject({ status: "succeeded", cost: PRICE });
    expect(world.jobsFor(task.id)).toBe(1);
    await world.expectSpent(PRICE);
  }, 60_000);

  test("whose job fails at the vendor costs nothing and is not tried elsewhere", async () => {
    await world.newClient();
    world.vendor.behave({ ask: "failed" });
    const task = await world.ended((await world.made({ model: "two", prompt: "x" })).id);
    expect(task).toMatchObject({ status: "failed", cost: "0", error: { code: "content_policy_violation" } });
    await world.expectSpent("0");
  }, 60_000);

  test("is charged for the pictures that were made, not for those that were refused", async () => {
    await world.newClient();
    world.vendor.behave({ pictures: 2, refused: 1 });
    const task = await world.ended((await world.made({ model: "pics", prompt: "x", n: 3 })).id);
    expect(task).toMatchObject({ status: "succeeded", cost: "1" });
    expect(task.output.filter(({ url }) => url !== undefined)).toHaveLength(2);
    expect(task.output.filter(({ error }) => error !== undefined)).toHaveLength(1);
    await world.expectSpent("1");
  }, 60_000);

  test("is asked about again when a question stays unanswered, and fails when its vendor knows it no more", async () => {
    await world.newClient();
    world.vendor.behave({ ask: "error" });
    const patient = await world.made({ model: "pics", prompt: "x" });
    await world.vendor.came("ask", world.vendor.count("ask") + 2);
    world.vendor.behave({});
    expect(await world.ended(patient.id)).toMatchObject({ status: "succeeded" });
    world.vendor.behave({ ask: "unknown" });
    const forgotten = await world.ended((await world.made({ model: "pics", prompt: "x" })).id);
    expect(forgotten).toMatchObject({ status: "failed", cost: "0", error: { may_have_run: true } });
    await world.expectSpent(PRICE);
  }, 60_000);

  test("whose pictures cannot be copied costs nothing, and the loss is seen", async () => {
    await world.newClient();
    world.vendor.behave({ fetch: "gone" });
    const task = await world.ended((await world.made({ model: "pics", prompt: "x" })).id);
    expect(task).toMatchObject({ status: "failed", cost: "0", error: { may_have_run: true } });
    await world.expectSpent("0");
  }, 60_000);

  test("is cancelled at its vendor, and then costs nothing", async () => {
    await world.newClient();
    world.vendor.behave({ ask: "running" });
    const { id } = await world.made({ model: "pics", prompt: "x" });
    await world.reached(id, "running");
    const told = await world.client.post(`/v1/tasks/${id}/cancel`, {});
    expect(await told.json()).toMatchObject({ id, cancel_requested: true });
    expect(await world.ended(id)).toMatchObject({
      status: "cancelled",
      cost: "0",
      error: { code: "request_cancelled" },
    });
    expect(world.vendor.cancelled).toHaveLength(1);
    const again = await world.client.post(`/v1/tasks/${id}/cancel`, {});
    expect(await again.json()).toMatchObject({ status: "cancelled" });
    await world.expectSpent("0");
  }, 60_000);

  test("is nobody else's", async () => {
    await world.newClient();
    const { id } = await world.made({ model: "pics", prompt: "x" });
    const other = await world.gateway.client("1");
    for (const path of [`/v1/tasks/${id}`, `/v1/tasks/${id}/events`]) {
      expect((await other.get(path)).status).toBe(404);
    }
    expect((await other.post(`/v1/tasks/${id}/cancel`, {})).status).toBe(404);
    expect(await (await other.get("/v1/tasks")).json()).toMatchObject({ data: [], has_more: false });
    await world.ended(id);
  }, 60_000);

  test("is refused at once for what cannot be: unknown model, no points, no scope, a bad body", async () => {
    await world.newClient();
    const code = async (who: Client, body: unknown) => {
      const response = await who.post("/v1/tasks", body);
      const { error } = (await response.json()) as { error: { code: string; param: string | null } };
      return [response.status, error.code, error.param];
    };
    const good = { model: "pics", prompt: "x" };
    expect(await code(world.client, { ...good, model: "none" })).toEqual([404, "model_not_found", "model"]);
    expect(await code(await world.gateway.client("0"), good)).toEqual([402, "insufficient_points", null]);
    expect(await code(await world.gateway.client("1", { scopes: ["chat"] }), good)).toEqual([
      403,
      "permission_denied",
      null,
    ]);
    expect(await code(world.client, { model: "pics" })).toEqual([400, "invalid_request", "prompt"]);
    expect(await code(world.client, { ...good, size: "big" })).toEqual([400, "invalid_request", "size"]);
    expect(await code(world.client, { ...good, n: 99 })).toEqual([400, "invalid_request", "n"]);
    expect(await code(world.client, { ...good, type: "dance" })).toEqual([400, "invalid_request", "type"]);
    expect(await code(world.client, { ...good, webhook: "ftp://x" })).toEqual([
      400,
      "invalid_request",
      "webhook",
    ]);
  }, 60_000);

  test("with an idempotency key is one task, however often it is asked for", async () => {
    await world.newClient();
    const headers = { "idempotency-key": crypto.randomUUID() };
    const body = { model: "pics", prompt: "x" };
    const [one, other] = [await world.made(body, headers), await world.made(body, headers)];
    expect(other.id).toBe(one.id);
    expect((await world.client.post("/v1/tasks", { ...body, prompt: "y" }, headers)).status).toBe(409);
    await world.ended(one.id);
    await world.expectSpent(PRICE);
  }, 60_000);
});

test("the end of a task is told to its webhook, signed, in the task's own shape", async () => {
  await world.newClient();
  const received: { readonly headers: Headers; readonly body: string }[] = [];
  const arrived = Promise.withResolvers<void>();
  const receiver = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      received.push({ headers: request.headers, body: await request.text() });
      arrived.resolve();
      return new Response();
    },
  });
  try {
    const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
    const webhook = { url: `http://127.0.0.1:${receiver.port}/done`, secret };
    const { id } = await world.made({ model: "pics", prompt: "x", webhook, metadata: { order: "7" } });
    await arrived.promise;
    const { headers, body } = received[0] ?? { headers: new Headers(), body: "" };
    const told = `${headers.get("webhook-id")}.${headers.get("webhook-timestamp")}.${body}`;
    const right = createHmac("sha256", Buffer.alloc(32, 7)).update(told).digest("base64");
    expect(headers.get("webhook-signature")).toBe(`v1,${right}`);
    expect(JSON.parse(body)).toMatchObject({
      type: "task.succeeded",
      data: { id, status: "succeeded", cost: PRICE, metadata: { order: "7" }, output: [{ width: 32 }] },
    });
  } finally {
    receiver.stop(true);
  }
}, 60_000);

test("tasks are counted, and an operator sees them without what is in them", async () => {
  await world.newClient();
  world.vendor.behave({ fetch: "gone" });
  const { id } = await world.made({ model: "pics", prompt: "a private matter" });
  await world.ended(id);
  const path = `/tasks?may_have_run=true&tenant=${world.client.tenant}`;
  const { data } = await world.gateway.admin<{ data: readonly object[] }>("GET", path);
  expect(data).toMatchObject([{ id, status: "failed", vendor: "easel", runs: 1, may_have_run: true }]);
  expect(JSON.stringify(data)).not.toContain("private");
  const text = await (await fetch(`${world.gateway.url}/metrics`)).text();
  expect(text).toMatch(/task_total\{step="succeeded"\} \d+/);
  expect(text).toMatch(/running_tasks \d+/);
});

describe("a task's events", () => {
  interface Told {
    readonly id: number;
    readonly event: string;
    readonly data: { readonly state?: string; readonly status?: string };
  }
  const read = async (id: string, after?: number): Promise<readonly Told[]> => {
    const headers = after === undefined ? {} : { "last-event-id": String(after) };
    const response = await fetch(`${world.gateway.url}/v1/tasks/${id}/events`, {
      headers: { authorization: `Bearer ${world.client.key}`, ...headers },
    });
    const frames = (await response.text()).split("\n\n").filter((frame) => frame !== "");
    return frames.map((frame) => ({
      id: Number(/^id: (\d+)$/m.exec(frame)?.[1]),
      event: /^event: (.*)$/m.exec(frame)?.[1] ?? "",
      data: JSON.parse(/^data: (.*)$/m.exec(frame)?.[1] ?? "null") as Told["data"],
    }));
  };

  test("come from 1 without a gap, end with the whole task, and are read again from anywhere", async () => {
    await world.newClient();
    const { id } = await world.made({ model: "local", prompt: "[[sandbox async ms=1200]] x", size: "32x32" });
    const all = await read(id);
    expect(all.map((told) => told.id)).toEqual(all.map((_, at) => at + 1));
    const names = all.map(({ event }) => event).filter((event) => event !== "task.progress");
    expect(names).toEqual([
      "task.queued",
      "task.submitting",
      "task.running",
      "task.storing",
      "task.succeeded",
    ]);
    expect(all.some(({ event }) => event === "task.progress")).toBe(true);
    expect(all.at(-1)?.data).toMatchObject({ status: "succeeded", output: [{ width: 32 }] });
    expect((await read(id, 2)).map((told) => told.id)).toEqual(all.slice(2).map((told) => told.id));
    expect(await read(id, all.length)).toEqual([]);
  }, 60_000);
});
