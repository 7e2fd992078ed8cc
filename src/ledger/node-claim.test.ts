import { afterAll, beforeAll, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../tests/postgres.ts";
import { systemClock } from "../core/clock.ts";
import { nodeId } from "../core/ids.ts";
import { claimNode } from "./node-claim.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

/** Real time, but a patience that is over at once. */
const impatient = { ...systemClock, monotonic: () => systemClock.monotonic() * 1_000 };
const claim = (name: string) => claimNode(database.url, nodeId(name), impatient);

test("a node's name belongs to one process until it lets go or its connection dies", async () => {
  const first = await claim("n1");
  expect(first).toBeDefined();
  expect(await claim("n1")).toBeUndefined();
  const other = await claim("n2");
  expect(other).toBeDefined();
  await first?.release();
  const again = await claim("n1");
  expect(again).toBeDefined();
  await database.sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sluice n1'`;
  const after = await claimNode(database.url, nodeId("n1"), systemClock);
  expect(after).toBeDefined();
  for (const held of [other, again, after]) await held?.release();
});
