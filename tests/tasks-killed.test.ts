import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { PRICE, startTaskWorld, type TaskWorld } from "./task-world.ts";

/** Tasks whose process is killed where it hurts, beside a vendor that counts its jobs. */
let world: TaskWorld;
beforeAll(async () => {
  world = await startTaskWorld();
}, 90_000);
afterAll(() => world.dispose(), 60_000);
afterEach(() => world.vendor.behave({}));

describe("a task whose node is killed goes on where it stood, once", () => {
  test("queued: it is submitted", async () => {
    await world.newClient();
    world.vendor.behave({ submit: "busy" });
    const seen = world.vendor.count("submit");
    const { id } = await world.made({ model: "pics", prompt: "a cat" });
    await world.vendor.came("submit", seen + 1);
    await world.reached(id, "queued");
    await world.gateway.kill();
    world.vendor.behave({});
    await world.gateway.restart();
    expect(await world.ended(id)).toMatchObject({ status: "succeeded", cost: PRICE });
    expect(world.jobsFor(id)).toBe(1);
    await world.expectSpent(PRICE);
  }, 60_000);

  test("submitting, when the vendor had it: the job is found by its mark", async () => {
    await world.newClient();
    world.vendor.behave({ submit: "take and hold" });
    const seen = world.vendor.count("submit");
    const { id } = await world.made({ model: "pics", prompt: "a dog" });
    await world.vendor.came("submit", seen + 1);
    await world.gateway.kill();
    world.vendor.behave({});
    await world.gateway.restart();
    expect(await world.ended(id)).toMatchObject({ status: "succeeded", cost: PRICE });
    expect(world.jobsFor(id)).toBe(1);
    await world.expectSpent(PRICE);
  }, 60_000);

  test("submitting, when the vendor never had it: it is submitted then", async () => {
    await world.newClient();
    world.vendor.behave({ submit: "hold" });
    const seen = world.vendor.count("submit");
    const { id } = await world.made({ model: "pics", prompt: "a fish" });
    await world.vendor.came("submit", seen + 1);
    await world.gateway.kill();
    world.vendor.behave({});
    await world.gateway.restart();
    expect(await world.ended(id)).toMatchObject({ status: "succeeded", cost: PRICE });
    expect(world.jobsFor(id)).toBe(1);
    await world.expectSpent(PRICE);
  }, 60_000);

  test("submitting, when nobody can tell: it fails, costs the client nothing, and is never submitted again", async () => {
    await world.newClient();
    world.vendor.behave({ submit: "take and hold", find: "error" });
    const seen = world.vendor.count("submit");
    const { id } = await world.made({ model: "pics", prompt: "a bird" });
    await world.vendor.came("submit", seen + 1);
    await world.gateway.kill();
    await world.gateway.restart();
    const task = await world.ended(id);
    expect(task).toMatchObject({ status: "failed", cost: "0", error: { may_have_run: true } });
    expect(world.jobsFor(id)).toBe(1);
    await world.expectSpent("0");
    const receipt = (await (await world.client.get(`/v1/receipts/${task.receipt}`)).json()) as {
      loss: string;
    };
    expect(receipt).toMatchObject({ charged: "0", loss: PRICE });
  }, 60_000);

  test("running: the job is asked about", async () => {
    await world.newClient();
    world.vendor.behave({ ask: "running" });
    const { id } = await world.made({ model: "pics", prompt: "a horse" });
    await world.reached(id, "running");
    await world.gateway.kill();
    await world.gateway.restart();
    await world.reached(id, "running");
    world.vendor.behave({});
    expect(await world.ended(id)).toMatchObject({ status: "succeeded", cost: PRICE });
    expect(world.jobsFor(id)).toBe(1);
    await world.expectSpent(PRICE);
  }, 60_000);

  test("storing: what was made is copied again", async () => {
    await world.newClient();
    world.vendor.behave({ fetch: "hold" });
    const { id } = await world.made({ model: "pics", prompt: "a cow" });
    await world.reached(id, "storing");
    await world.gateway.kill();
    world.vendor.behave({});
    await world.gateway.restart();
    const task = await world.ended(id);
    expect(task).toMatchObject({ status: "succeeded", cost: PRICE, output: [{ width: 32 }] });
    expect((await fetch(task.output[0]?.url ?? "")).status).toBe(200);
    expect(world.jobsFor(id)).toBe(1);
    await world.expectSpent(PRICE);
  }, 60_000);

  test("charged, and not yet ended: it is not charged again", async () => {
    await world.newClient();
    world.vendor.behave({ ask: "running" });
    const { id } = await world.made({ model: "pics", prompt: "a goat" });
    await world.reached(id, "running");
    await world.database.sql.unsafe(`
      create function refuse_end() returns trigger language plpgsql as
        $$ begin raise exception 'not now'; end $$;
      create trigger refuse_end before update on task for each row
        when (new.ended_at is not null) execute function refuse_end()`);
    world.vendor.behave({});
    // Its hold has become a charge, and its end is tried and cannot be written.
    await world.flushed();
    await world.gateway.kill();
    await world.database.sql.unsafe("drop trigger refuse_end on task; drop function refuse_end");
    await world.gateway.restart();
    expect(await world.ended(id)).toMatchObject({ status: "succeeded", cost: PRICE });
    expect(world.jobsFor(id)).toBe(1);
    await world.expectSpent(PRICE);
  }, 60_000);
});

test("a task whose node is stopped is charged once, when it has been gone on with", async () => {
  await world.newClient();
  world.vendor.behave({ ask: "running" });
  const { id } = await world.made({ model: "pics", prompt: "a swan" });
  await world.reached(id, "running");
  await world.gateway.stop();
  world.vendor.behave({});
  await world.gateway.restart();
  expect(await world.ended(id)).toMatchObject({ status: "succeeded", cost: PRICE });
  expect(world.jobsFor(id)).toBe(1);
  await world.expectSpent(PRICE);
}, 60_000);

test("a call that comes again with its idempotency key is the task that the killed node had taken", async () => {
  await world.newClient();
  world.vendor.behave({ ask: "running" });
  const headers = { "idempotency-key": crypto.randomUUID() };
  const ask = () =>
    world.client.post("/v1/images/generations", { model: "pics", prompt: "a stork" }, headers);
  const seen = world.vendor.count("ask");
  const lost = ask().catch(() => undefined);
  await world.vendor.came("ask", seen + 1);
  await world.gateway.kill();
  await lost;
  world.vendor.behave({});
  await world.gateway.restart();
  const jobs = world.vendor.jobs.length;
  const response = await ask();
  expect([response.status, ((await response.json()) as { data: object[] }).data.length]).toEqual([200, 1]);
  expect(world.vendor.jobs.length).toBe(jobs);
  await world.expectSpent(PRICE);
}, 90_000);
