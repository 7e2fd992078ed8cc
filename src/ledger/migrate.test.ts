import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestDatabase, testDatabase } from "../../tests/postgres.ts";
import { migrate } from "./migrate.ts";

let database: TestDatabase;
let directory: string;

beforeAll(async () => {
  database = await testDatabase();
  directory = await mkdtemp(join(tmpdir(), "migrations-"));
  await database.sql`truncate schema_migration`;
});

afterAll(async () => {
  await database.drop();
  await rm(directory, { recursive: true });
});

const write = (name: string, sql: string) => Bun.write(join(directory, name), sql);
const run = () => migrate(database.sql, directory);

describe("migrations", () => {
  test("are applied in order, once", async () => {
    await write("0001_first.sql", "create table one (id int);");
    await write("0002_second.sql", "alter table one add column name text;");
    expect((await run()).applied).toEqual(["0001_first.sql", "0002_second.sql"]);
    expect((await run()).applied).toEqual([]);
  });

  test("may run at the same time on several nodes", async () => {
    await write("0003_third.sql", "create table three (id int);");
    const runs = await Promise.all([run(), run(), run()]);
    expect(runs.flatMap(({ applied }) => applied)).toEqual(["0003_third.sql"]);
  });

  test("that fail leave nothing and may be mended", async () => {
    await write("0004_fourth.sql", "create table four (id int); select nonsense;");
    await expect(run()).rejects.toThrow("0004_fourth.sql failed");
    await write("0004_fourth.sql", "create table four (id int);");
    expect((await run()).applied).toEqual(["0004_fourth.sql"]);
  });

  test("left half-done outside a transaction refuse to go on", async () => {
    await write("0005_fifth.sql", "-- no transaction\nselect nonsense;");
    await expect(run()).rejects.toThrow("failed");
    await expect(run()).rejects.toThrow("was begun and not finished");
    await database.sql`delete from schema_migration where name = '0005_fifth.sql'`;
    await rm(join(directory, "0005_fifth.sql"));
  });

  test("changed after they were applied are refused", async () => {
    await write("0001_first.sql", "create table other (id int);");
    await expect(run()).rejects.toThrow("was changed after it was applied");
    await write("0001_first.sql", "create table one (id int);");
  });

  test("unknown to this build are refused", async () => {
    await database.sql`insert into schema_migration (name, checksum, finished_at) values ('0009_newer.sql', '', now())`;
    await expect(run()).rejects.toThrow("it is newer");
  });
});
