import { afterAll, beforeAll, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../tests/postgres.ts";
import { requestId } from "../core/ids.ts";
import { giveUpRun } from "./superseded.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

const superseded = async (): Promise<readonly string[]> =>
  (await database.sql<{ request: string }[]>`select request from superseded order by request`).map(
    ({ request }) => request,
  );

test("a run that was not charged yet is given up for the one that goes on, as often as it is said", async () => {
  const [former, by] = [requestId("req_a1"), requestId("req_a2")];
  for (const _ of [1, 2]) await giveUpRun(database.sql, former, by);
  expect(await superseded()).toEqual(["req_a1"]);
});

test("a run that was charged keeps its charge, and the one that goes on is free", async () => {
  await database.sql`
    insert into usage (day, id, tenant, key, tier, node, region, operation, model, at, duration_ms, outcome, usage,
                       charged, loss, attempts, flags)
    values (current_date, 'req_b1', 't', 'k', 'normal', 'n', 'local', 'chat', 'm', now(), 1, 'completed', '{}', 5, 0,
            '[]', '[]')`;
  await giveUpRun(database.sql, requestId("req_b1"), requestId("req_b2"));
  expect(await superseded()).toEqual(["req_a1", "req_b2"]);
});
