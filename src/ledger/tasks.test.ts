import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../tests/postgres.ts";
import { keyId, nodeId, requestId, type TaskId, taskId, tenantId } from "../core/ids.ts";
import { micropointsOf, ZERO } from "../core/points.ts";
import { systemRandom } from "../core/random.ts";
import { NO_USAGE } from "../core/usage.ts";
import { createSeal } from "./sealed.ts";
import { createTaskLedger, type NewTask, type TaskLedger } from "./tasks.ts";
import { createTenants } from "./tenants.ts";

const SECRET_PROMPT = "a very private cat";
const acme = tenantId("acme");
const seal = createSeal(new Uint8Array(32), systemRandom);
let database: TestDatabase;
let here: TaskLedger;
let there: TaskLedger;
let made = 0;

beforeAll(async () => {
  database = await testDatabase();
  here = createTaskLedger(database.sql, nodeId("here"), seal);
  there = createTaskLedger(database.sql, nodeId("there"), seal);
  for (const id of [acme, tenantId("other")]) {
    await createTenants(database.sql).create({ id, name: "x", tier: "normal", overdraft: ZERO });
  }
});
afterAll(() => database.drop());

async function accepted(changes: Partial<NewTask> = {}, most = 1_000): Promise<TaskId> {
  made += 1;
  const id = taskId(`task_${made}`);
  const task = {
    id,
    tenant: acme,
    key: keyId("k"),
    operation: "image",
    model: "m",
    shard: made,
    charge: requestId(`charge-${made}`),
    request: { prompt: SECRET_PROMPT },
    ...changes,
  } as const;
  if (!(await here.accept(task, most))) throw new Error("too many");
  return id;
}
const shardOf = (id: TaskId): number => Number(id.slice(5));
const lapse = (id: TaskId) =>
  database.sql`update task set lease_until = now() - interval '1 second' where id = ${id}`;
const superseded = async () => {
  const rows = await database.sql<{ request: string }[]>`select request from superseded`;
  return rows.map(({ request }) => request);
};
const END = { event: { state: "failed" }, expiresAt: Date.now() + 60_000 };

describe("a task", () => {
  test("goes its way, and its events are numbered from 1 without a gap", async () => {
    const id = await accepted({ metadata: { order: 7 }, webhook: "https://shop.test/hook" });
    const run = { id, run: 1 };
    expect(await here.find(acme, id)).toMatchObject({
      state: "queued",
      metadata: { order: 7 },
      webhook: "https://shop.test/hook",
    });
    await here.move(run, {
      state: "submitting",
      vendor: "v",
      vendorModel: "vm",
      vendorKey: "k1",
      event: { n: 2 },
    });
    await here.move(run, { state: "running", job: { jobId: "j" }, progress: 0.5 });
    const result = { pictures: [], jobId: "j" };
    const usage = { ...NO_USAGE, images: 1 };
    const end = {
      ...END,
      state: "succeeded",
      event: { n: 3 },
      result,
      usage,
      cost: micropointsOf(5n),
    } as const;
    expect(await here.end(run, end)).toBe(true);
    expect(await here.find(acme, id)).toMatchObject({
      state: "succeeded",
      vendor: "v",
      progress: 1,
      result,
      usage,
      cost: micropointsOf(5n),
    });
    expect(await here.events(id, 0, 10)).toEqual([
      { seq: 1, data: { state: "queued" } },
      { seq: 2, data: { n: 2 } },
      { seq: 3, data: { n: 3 } },
    ]);
    expect(await here.events(id, 2, 10)).toHaveLength(1);
    expect((await here.lastEvents([id])).get(id)).toBe(3);
  });

  test("keeps what was asked and what came of it sealed, and nothing of the former when it has ended", async () => {
    const id = await accepted();
    await here.move({ id, run: 1 }, { state: "running", job: { memo: SECRET_PROMPT } });
    const [row] = await database.sql`select * from task where id = ${id}`;
    expect(Buffer.from(row?.request as Uint8Array).includes("private")).toBe(false);
    expect(JSON.stringify(row)).not.toContain("private");
    await here.end({ id, run: 1 }, { ...END, state: "failed" });
    const [ended] = await database.sql`select request, job from task where id = ${id}`;
    expect(ended).toEqual({ request: null, job: null });
  });

  test("keeps what a dialect shows again sealed, and beyond its end", async () => {
    const id = await accepted({
      about: { prompt: SECRET_PROMPT },
      metadata: { note: "order 7" },
      webhook: "https://shop.test/hook?token=secret",
    });
    const [row] = await database.sql`select * from task where id = ${id}`;
    const kept = Object.values(row ?? {}).map((value) =>
      value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : JSON.stringify(value),
    );
    for (const word of ["private", "shop.test", "order 7"]) expect(kept.join("\n")).not.toContain(word);
    await here.end({ id, run: 1 }, { ...END, state: "failed" });
    expect((await there.find(acme, id))?.about).toEqual({ prompt: SECRET_PROMPT });
    const plain = await accepted();
    const found = await here.findAll(acme, [plain, id, taskId("task_none")]);
    expect(found.map((task) => task.id).sort()).toEqual([id, plain].sort());
    expect(await here.findAll(tenantId("other"), [id])).toEqual([]);
  });

  test("is its tenant's alone", async () => {
    const id = await accepted();
    const other = tenantId("other");
    expect(await here.find(other, id)).toBeUndefined();
    expect(await here.wantCancel(other, id)).toBeUndefined();
    expect(await here.list(other, { most: 10 })).toEqual([]);
  });

  test("is listed newest first, page by page and by its state", async () => {
    const ids = [await accepted(), await accepted(), await accepted()];
    const [first] = await here.list(acme, { most: 1 });
    expect(first?.id).toBe(ids[2] as TaskId);
    const rest = await here.list(acme, { most: 2, after: ids[2] as TaskId });
    expect(rest.map(({ id }) => id)).toEqual([ids[1], ids[0]] as TaskId[]);
    const queued = await here.list(acme, { most: 100, state: "queued" });
    expect(queued.every(({ state }) => state === "queued")).toBe(true);
  });

  test("that has ended changes no more, is not cancelled, and is forgotten when its time is over", async () => {
    const id = await accepted();
    const run = { id, run: 1 };
    expect(await here.end(run, { ...END, state: "failed", expiresAt: Date.now() - 1 })).toBe(true);
    expect(await here.end(run, { ...END, state: "succeeded" })).toBe(false);
    expect(await here.move(run, { state: "running" })).toBe(false);
    expect(await here.wantCancel(acme, id)).toMatchObject({ state: "failed", isCancelWanted: false });
    expect(await here.forgetExpired(10)).toBe(1);
    expect(await here.find(acme, id)).toBeUndefined();
    expect(await here.events(id, 0, 10)).toEqual([]);
  });

  test("ends together with what goes with it, or not at all", async () => {
    const id = await accepted();
    const failing = here.end({ id, run: 1 }, { ...END, state: "failed" }, async () => {
      throw new Error("the message could not be kept");
    });
    await expect(failing).rejects.toThrow("kept");
    expect(await here.find(acme, id)).toMatchObject({ state: "queued" });
  });
});

describe("a task whose node is gone", () => {
  test("is one of no more than its tenant may have, however many come at once", async () => {
    const crowd = tenantId("crowd");
    await createTenants(database.sql).create({ id: crowd, name: "x", tier: "normal", overdraft: ZERO });
    const asked = Array.from({ length: 12 }, () => accepted({ tenant: crowd }, 5).catch(() => undefined));
    const taken = (await Promise.all(asked)).filter((id) => id !== undefined);
    expect(taken).toHaveLength(5);
    expect(await here.unfinished(crowd)).toBe(5);
    // Nothing is left of the others, and one that ends makes room.
    const [first] = taken;
    expect(await here.list(crowd, { most: 20 })).toHaveLength(5);
    expect(first !== undefined && (await here.end({ id: first, run: 1 }, { state: "failed", ...END }))).toBe(
      true,
    );
    await accepted({ tenant: crowd }, 5);
    expect(await here.unfinished(crowd)).toBe(5);
  });

  test("is claimed once, by a node that looks after its shard, and its former run can change nothing", async () => {
    const id = await accepted();
    await here.move({ id, run: 1 }, { state: "running", vendorKey: "k2", job: { jobId: "j" } });
    const [own, others] = [[shardOf(id)], [shardOf(id) + 1]];
    const charge = requestId("by-1");
    expect(await there.claim(own, charge)).toBeUndefined();
    await lapse(id);
    expect(await there.claim(others, charge)).toBeUndefined();
    const claimed = await there.claim(own, charge);
    expect(claimed).toMatchObject({
      run: { id, run: 2 },
      request: { prompt: SECRET_PROMPT },
      vendorKey: "k2",
      job: { jobId: "j" },
      task: { state: "running", charge },
    });
    expect(await there.claim(own, requestId("by-2"))).toBeUndefined();
    expect(await here.move({ id, run: 1 }, { state: "storing" })).toBe(false);
    expect((await here.renew([{ id, run: 1 }])).size).toBe(0);
    expect((await there.renew([{ id, run: 2 }])).get(id)).toEqual({ isCancelWanted: false });
    expect(await superseded()).toContain(`charge-${made}`);
  });

  test("is taken back by its node at its next start, without waiting", async () => {
    const id = await accepted();
    await database.sql`delete from task where id <> ${id}`;
    expect(await here.claim([], requestId("again-0"))).toBeUndefined();
    await here.releaseOwn();
    const claimed = await here.claim([], requestId("again-1"));
    expect(claimed?.run.run).toBe(2);
    await here.end({ id: claimed?.run.id ?? id, run: 2 }, { ...END, state: "failed" });
  });

  test("is free for every later run once one was charged", async () => {
    const id = await accepted({ charge: requestId("paid") });
    await lapse(id);
    expect((await there.claim([shardOf(id)], requestId("second")))?.run.run).toBe(2);
    await database.sql`update task set is_paid = true where id = ${id}`;
    await lapse(id);
    expect((await there.claim([shardOf(id)], requestId("third")))?.run.run).toBe(3);
    expect(await superseded()).toContain("third");
  });

  test("is told when it shall be cancelled, by whichever node was asked", async () => {
    const id = await accepted();
    expect(await there.wantCancel(acme, id)).toMatchObject({ state: "queued", isCancelWanted: true });
    expect((await here.renew([{ id, run: 1 }])).get(id)).toEqual({ isCancelWanted: true });
    await here.release({ id, run: 1 });
    expect((await there.claim([shardOf(id)], requestId("released")))?.task.isCancelWanted).toBe(true);
  });
});
