import { mkdtemp, readdir } from "node:fs/promises";
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
  readonly template: string;
}

const MIGRATIONS = join(import.meta.dir, "../src/ledger/migrations");
/** One run at a time looks after the template; the number is arbitrary. */
const TEMPLATE_LOCK = 7_225_312_002n;
let server: Promise<Server> | undefined;
let numbered = 0;

/**
 * A fresh database on the server that all tests share: the one DATABASE_URL names, else an embedded one that
 * is started for the first test and removed after the process.
 */
export async function testDatabase(): Promise<TestDatabase> {
  server ??= start();
  const { url, admin, template } = await server;
  numbered += 1;
  const name = `sluice_test_${process.pid}_${numbered}`;
  await admin.unsafe(`create database ${name} template ${template}`);
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
  // One connection: the lock below belongs to it.
  const admin = connect(url, { max: 1 });
  return { url, admin, template: await migratedTemplate(url, admin) };
}

/** Migrated once per state of the migrations, so that a server which stays does not fill up with templates. */
async function migratedTemplate(url: string, admin: Sql): Promise<string> {
  const name = `sluice_template_${await checksumOfMigrations()}`;
  try {
    await admin`select pg_advisory_lock(${TEMPLATE_LOCK})`;
    const [found] = await admin<{ state: string | null }[]>`
      select shobj_description(oid, 'pg_database') as state from pg_database where datname = ${name}`;
    if (found?.state === "ready") return name;
    await admin.unsafe(`drop database if exists ${name} with (force)`);
    await admin.unsafe(`create database ${name}`);
    const sql = connect(withDatabase(url, name), { max: 2 });
    await migrate(sql);
    await sql.end();
    await admin.unsafe(`comment on database ${name} is 'ready'`);
    return name;
  } finally {
    await admin`select pg_advisory_unlock(${TEMPLATE_LOCK})`;
  }
}

async function checksumOfMigrations(): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const name of (await readdir(MIGRATIONS)).sort()) {
    hasher.update(`${name}\n${await Bun.file(join(MIGRATIONS, name)).text()}`);
  }
  return hasher.digest("hex").slice(0, 16);
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
  cleanUpAfterUs(directory);
  return postgres;
}

/** `bun test` runs no exit hooks, so a process of its own waits for the end of this one, however it comes. */
function cleanUpAfterUs(directory: string): void {
  const script = `
    while kill -0 "$1"; do sleep 0.2; done
    kill -9 "$(head -n 1 "$2/cluster/postmaster.pid")"
    for again in 1 2 3 4 5; do rm -rf "$2" && break; sleep 0.2; done`;
  Bun.spawn(["sh", "-c", script, "sh", String(process.pid), directory], {
    stdio: ["ignore", "ignore", "ignore"],
    // A terminal's Ctrl-C ends the tests, and must not end what cleans up after them.
    detached: true,
  }).unref();
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}
