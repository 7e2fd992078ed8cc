import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../src/core/clock.ts";
import { systemRandom } from "../src/core/random.ts";
import { connect, type Sql } from "../src/ledger/database.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../src/ledger/embedded/embedded-postgres.ts";
import { migrate } from "../src/ledger/migrate.ts";

/** A database of a test's own, migrated and empty. */
export interface TestDatabase {
  readonly sql: Sql;
  readonly url: string;
  drop(): Promise<void>;
}

interface Server {
  readonly url: string;
  readonly admin: Sql;
}

const TEMPLATE = `sluice_template_${process.pid}`;
let server: Promise<Server> | undefined;
let numbered = 0;

/**
 * A fresh database on the server that all tests share: the one DATABASE_URL names, else an embedded one that
 * is started for the first test and stopped with the process.
 */
export async function testDatabase(): Promise<TestDatabase> {
  server ??= start();
  const { url, admin } = await server;
  numbered += 1;
  const name = `sluice_test_${process.pid}_${numbered}`;
  await admin.unsafe(`create database ${name} template ${TEMPLATE}`);
  const own = withDatabase(url, name);
  const sql = connect(own, { max: 20 });
  return {
    sql,
    url: own,
    async drop() {
      await sql.end({ timeout: 1 });
      await admin.unsafe(`drop database if exists ${name} with (force)`);
    },
  };
}

async function start(): Promise<Server> {
  const url = process.env.DATABASE_URL ?? (await startThrowaway()).url;
  const admin = connect(url, { max: 2 });
  await admin.unsafe(`drop database if exists ${TEMPLATE}`);
  await admin.unsafe(`create database ${TEMPLATE}`);
  const sql = connect(withDatabase(url, TEMPLATE), { max: 2 });
  await migrate(sql);
  await sql.end();
  return { url, admin };
}

async function startThrowaway(): Promise<EmbeddedPostgres> {
  const directory = await mkdtemp(join(tmpdir(), "sluice-test-"));
  const postgres = await startEmbeddedPostgres({
    directory,
    clock: systemClock,
    random: systemRandom,
    onProgress: () => {},
    isThrowaway: true,
  });
  process.on("exit", () => {
    process.kill(postgres.pid, "SIGKILL");
    // Nothing of it is wanted any more; the directory goes with the temporary files if this does not finish.
    void rm(directory, { recursive: true, force: true });
  });
  return postgres;
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}
