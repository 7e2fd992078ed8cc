import { afterAll, beforeAll, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../tests/postgres.ts";
import { keyId, nodeId, requestId, type TaskId, taskId, tenantId } from "../core/ids.ts";
import { micropointsOf, ZERO } from "../core/points.ts";
import { systemRandom } from "../core/random.ts";
import { NO_USAGE } from "../core/usage.ts";
import { type BatchLedger, createBatchLedger, type LineAnswer } from "./batches.ts";
import { createSeal } from "./sealed.ts";
import { createTaskLedger, type TaskLedger } from "./tasks.ts";
import { createTenants } from "./tenants.ts";

let database: TestDatabase;
let tasks: TaskLedger;
let batches: BatchLedger;
let made = 0;
const acme = tenantId("acme");

beforeAll(async () => {
  database = await testDatabase();
  const seal = createSeal(new Uint8Array(32), systemRandom);
  tasks = createTaskLedger(database.sql, nodeId("n"), seal);
  batches = createBatchLedger(database.sql, seal);
  await createTenants(database.sql).create({ id: acme, name: "x", tier: "normal", overdraft: ZERO });
});
afterAll(() => database.drop());

async function batchOf(lines: number): Promise<TaskId> {
  made += 1;
  const id = taskId(`task_${made}`);
  const head = { tenant: acme, key: keyId("k"), operation: "batch", model: "", shard: 1 } as const;
  const asked = Array.from({ length: lines }, (_, at) => ({
    customId: `c-${at + 1}`,
    request: { prompt: `private ${at + 1}` },
  }));
  await tasks.accept({ ...head, id, charge: requestId(`t-${made}`), request: {} }, 1_000, (tx) =>
    batches.add(tx, id, asked),
  );
  return id;
}
const charge = (text: string) => requestId(`${made}-${text}`);
const superseded = async () =>
  (await database.sql<{ request: string }[]>`select request from superseded`).map(({ request }) => request);
const ANSWER: LineAnswer = {
  response: { status_code: 200, body: "private answer" },
  isOk: true,
  cost: micropointsOf(5n),
  usage: { ...NO_USAGE, input: 3 },
};

test("lines are begun, done once, and read in order; what they ask and are answered is sealed", async () => {
  const id = await batchOf(1_201);
  const run = { id, run: 1 };
  expect(await batches.open(id, 0, 2)).toEqual([1, 2]);
  expect(await batches.begin(run, 2, charge("a"))).toEqual({ prompt: "private 2" });
  expect(await batches.finish(id, 2, charge("a"), ANSWER)).toBe(true);
  expect(await batches.finish(id, 2, charge("a"), ANSWER)).toBe(false);
  expect(await batches.begin(run, 2, charge("b"))).toBeUndefined();
  await batches.begin(run, 1, charge("c"));
  await batches.finish(id, 1, charge("c"), { ...ANSWER, isOk: false, cost: ZERO, usage: undefined });
  expect(await batches.open(id, 0, 2)).toEqual([3, 4]);
  expect(
    (await batches.results(id, 0, 10)).map(({ line, customId, isOk }) => [line, customId, isOk]),
  ).toEqual([
    [1, "c-1", false],
    [2, "c-2", true],
  ]);
  expect(await batches.results(id, 1, 10)).toMatchObject([
    { response: ANSWER.response, charge: charge("a") },
  ]);
  expect(await batches.tally(id)).toEqual({
    total: 1_201,
    completed: 1,
    failed: 1,
    cost: micropointsOf(5n),
    usage: { ...NO_USAGE, input: 3 },
  });
  const other = await batchOf(2);
  expect(await batches.counts([id, other, taskId("task_none")])).toEqual(
    new Map([
      [id, { total: 1_201, completed: 1, failed: 1 }],
      [other, { total: 2, completed: 0, failed: 0 }],
    ]),
  );
  const linesOf = async (isOk: boolean) => (await batches.results(id, 0, 10, isOk)).map(({ line }) => line);
  expect([await linesOf(true), await linesOf(false)]).toEqual([[2], [1]]);
  const rows = await database.sql`select request, response from batch_line where task = ${id}`;
  const kept = rows.map(({ request, response }) => `${request ?? ""}${response ?? ""}`).join("");
  expect(Buffer.from(kept).includes("private")).toBe(false);
});

test("lines that come one by one, and are long, are all written", async () => {
  made += 1;
  const id = taskId(`task_${made}`);
  const text = "x".repeat(1024 * 1024);
  const asked = async function* () {
    for (let at = 0; at < 9; at += 1) yield { customId: undefined, request: { text, at } };
  };
  const head = { tenant: acme, key: keyId("k"), operation: "batch", model: "", shard: 1 } as const;
  await tasks.accept({ ...head, id, charge: requestId(`t-${made}`), request: {} }, 1_000, (tx) =>
    batches.add(tx, id, asked()),
  );
  expect(await batches.open(id, 0, 20)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(await batches.begin({ id, run: 1 }, 9, charge("a"))).toEqual({ text, at: 8 });
});

test("a line that is begun again gives its former run up, whose answer then counts for nothing", async () => {
  const id = await batchOf(1);
  const run = { id, run: 1 };
  await batches.begin(run, 1, charge("former"));
  await batches.begin(run, 1, charge("latter"));
  expect(await superseded()).toContain(charge("former"));
  expect(await batches.finish(id, 1, charge("former"), ANSWER)).toBe(false);
  expect(await batches.finish(id, 1, charge("latter"), ANSWER)).toBe(true);
});

test("a line is not begun by a run that has lost the batch", async () => {
  const id = await batchOf(1);
  await tasks.release({ id, run: 1 });
  await tasks.claim([1], charge("claimed"));
  expect(await batches.begin({ id, run: 1 }, 1, charge("late"))).toBeUndefined();
  expect(await batches.begin({ id, run: 2 }, 1, charge("right"))).toBeDefined();
});
