import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Sql } from "./database.ts";

/** Why the database's schema cannot be used as it is. */
class MigrationError extends Error {
  override readonly name = "MigrationError";
}

interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

interface Applied {
  readonly name: string;
  readonly checksum: string;
  readonly finished_at: Date | null;
}

/** Only one node migrates at a time; the number is arbitrary and stands for this purpose alone. */
const LOCK = 7_225_312_001n;

const NAME = /^\d{4}_[a-z0-9_]+\.sql$/;
const OUTSIDE_TRANSACTION = "-- no transaction";

/**
 * Brings the schema to this build's state: plain SQL files in order, forward only, each in its own transaction
 * unless its first line says `-- no transaction`.
 * @throws MigrationError when a migration was left half-done, was changed after it was applied, or is unknown here
 */
export async function migrate(
  sql: Sql,
  directory = join(import.meta.dir, "migrations"),
): Promise<{ readonly applied: readonly string[] }> {
  const migrations = await readMigrations(directory);
  // Without this a pool that has no connection yet never answers `reserve` (postgres 3.4.9, `fetch_types: false`).
  await sql`select 1`;
  // The driver never answers `reserve` on a connection that is opened for it (without `fetch_types`): open one first.
  await sql`select 1`;
  const connection = await sql.reserve();
  try {
    await connection`select pg_advisory_lock(${LOCK})`;
    await connection`create table if not exists schema_migration (
      name text primary key,
      checksum text not null,
      started_at timestamptz not null default now(),
      finished_at timestamptz
    )`;
    const done = await connection<
      Applied[]
    >`select name, checksum, finished_at from schema_migration order by name`;
    verify(done, migrations);
    const pending = migrations.slice(done.length);
    for (const migration of pending) await apply(connection, migration);
    return { applied: pending.map(({ name }) => name) };
  } finally {
    await connection`select pg_advisory_unlock(${LOCK})`.catch(ignoreLostConnection);
    connection.release();
  }
}

async function readMigrations(directory: string): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".sql")).sort();
  return Promise.all(
    names.map(async (name) => {
      if (!NAME.test(name))
        throw new MigrationError(`Migration ${name} is not named like 0001_what_it_does.sql.`);
      const text = await Bun.file(join(directory, name)).text();
      return { name, sql: text, checksum: new Bun.CryptoHasher("sha256").update(text).digest("hex") };
    }),
  );
}

function verify(done: readonly Applied[], migrations: readonly Migration[]): void {
  for (const [index, row] of done.entries()) {
    const known = migrations[index];
    if (row.finished_at === null) {
      throw new MigrationError(
        `Migration ${row.name} was begun and not finished. Look at what it left, complete or undo it by hand, then ` +
          "set finished_at of its row in schema_migration, or delete the row.",
      );
    }
    if (known?.name !== row.name) {
      throw new MigrationError(
        `The database has migration ${row.name}, which this build does not: it is newer.`,
      );
    }
    if (known.checksum !== row.checksum) {
      throw new MigrationError(`Migration ${row.name} was changed after it was applied to this database.`);
    }
  }
}

type Connection = Pick<Sql, "unsafe">;

/** A migration in a transaction is there as a whole or not at all; one outside leaves its row unfinished when it stops midway. */
async function apply(connection: Connection, { name, sql, checksum }: Migration): Promise<void> {
  const begun = `insert into schema_migration (name, checksum) values ('${name}', '${checksum}');`;
  const finished = `update schema_migration set finished_at = now() where name = '${name}';`;
  try {
    if (sql.startsWith(OUTSIDE_TRANSACTION)) {
      await connection.unsafe(begun);
      await connection.unsafe(sql);
      await connection.unsafe(finished);
    } else {
      await connection.unsafe(`begin;\n${begun}\n${sql}\n${finished}\ncommit;`);
    }
  } catch (cause) {
    await connection.unsafe("rollback").catch(ignoreLostConnection);
    throw new MigrationError(`Migration ${name} failed: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}

/** A lost connection has also lost its lock and its transaction. */
function ignoreLostConnection(): void {}
