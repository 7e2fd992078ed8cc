import { afterAll, beforeAll, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../tests/postgres.ts";
import { tenantId } from "../core/ids.ts";
import { createReports } from "./reports.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
  const sums = ["requests", "completed", "input", "cached_input", "cache_write", "output", "reasoning"];
  const columns = `hour, tenant, key, tier, model, vendor, ${sums.join(", ")}, images, seconds, charged, loss`;
  await database.sql.unsafe(`
    insert into usage_rollup (${columns})
    select t.hour::timestamptz, t.tenant, 'k', 'normal', t.model, 'v', 2, 1, 10, 4, 0, 5, 3, 0, 0, t.charged, 0
    from (values ('2026-05-01T22:00Z', 'acme', 'm', 100), ('2026-05-01T23:00Z', 'acme', 'm', 20),
                 ('2026-05-02T00:00Z', 'acme', 'n', 3), ('2026-05-02T00:00Z', 'other', 'm', 5000))
      as t (hour, tenant, model, charged)`);
});
afterAll(() => database.drop());

const hour = (day: number, at: number): number => Date.UTC(2026, 4, day, at);
const reports = () => createReports(database.sql);

test("sums are grouped by what was asked for, in its order, days in UTC", async () => {
  const query = { from: hour(1, 0), to: hour(3, 0), tenant: tenantId("acme") };
  const rows = await reports().usage({ ...query, groupBy: ["day", "model"] });
  expect(rows.map(({ group, requests, charged }) => [group, requests, charged as bigint])).toEqual([
    [{ day: "2026-05-01", model: "m" }, 4n, 120n],
    [{ day: "2026-05-02", model: "n" }, 2n, 3n],
  ]);
  expect(rows[0]).toMatchObject({ completed: 2n, input: 20n, cachedInput: 8n, output: 10n, reasoning: 6n });
});

test("hours that begin in the span are in, the one at its end is not", async () => {
  const [row, ...others] = await reports().usage({ groupBy: [], from: hour(1, 23), to: hour(2, 0) });
  expect([row?.charged as bigint, row?.group, others.length]).toEqual([20n, {}, 0]);
});

test("nothing in the span is one sum of nothing, and no group", async () => {
  const empty = { from: hour(10, 0), to: hour(11, 0) };
  expect(await reports().usage({ ...empty, groupBy: [] })).toMatchObject([{ requests: 0n, charged: 0n }]);
  expect(await reports().usage({ ...empty, groupBy: ["model"] })).toEqual([]);
});

test("a report that is too long is refused as a whole, not cut", async () => {
  await database.sql`
    insert into usage_rollup (hour, tenant, key, tier, model, vendor, requests, completed, input, cached_input,
      cache_write, output, reasoning, images, seconds, charged, loss)
    select '2026-07-01T00:00Z', 'many', 'k' || n, 'normal', 'm', 'v', 1, 1, 1, 0, 0, 1, 0, 0, 0, 1, 0
    from generate_series(1, 100001) as n`;
  const span = { from: Date.UTC(2026, 6, 1), to: Date.UTC(2026, 6, 2) };
  await expect(reports().usage({ ...span, groupBy: ["key"] })).rejects.toMatchObject({
    code: "invalid_request",
    detail: { param: "group_by" },
  });
  expect(await reports().usage({ ...span, groupBy: ["model"] })).toMatchObject([{ requests: 100_001n }]);
});
