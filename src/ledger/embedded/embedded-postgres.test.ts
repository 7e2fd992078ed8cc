import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sleep, systemClock } from "../../core/clock.ts";
import { systemRandom } from "../../core/random.ts";
import { codeOf, connect } from "../database.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./embedded-postgres.ts";
import { commandOf } from "./process-table.ts";
import { serverUser } from "./server-user.ts";

const made: string[] = [];
const running: EmbeddedPostgres[] = [];

afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});
afterAll(async () => {
  for (const directory of made) await rm(directory, { recursive: true, force: true });
});

/** Below a directory that only its owner may enter, as /root is. */
async function freshDirectory(): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), "sluice-embedded-"));
  made.push(parent);
  return join(parent, "data", "postgres");
}

async function start(directory: string, said: string[] = []): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({
    directory,
    clock: systemClock,
    random: systemRandom,
    onProgress: (line) => said.push(line),
    isThrowaway: true,
  });
  running.push(server);
  return server;
}

/** Runs a statement, again as long as the server is away. */
async function ask(url: string, statement: string): Promise<readonly Record<string, unknown>[]> {
  for (;;) {
    const sql = connect(url, { max: 1 });
    try {
      return await sql.unsafe(statement);
    } catch (thrown) {
      if (codeOf(thrown) === "28P01" || codeOf(thrown)?.startsWith("42")) throw thrown;
      await sleep(systemClock, 20);
    } finally {
      await sql.end({ timeout: 0 });
    }
  }
}

async function gone(pid: number): Promise<void> {
  while ((await commandOf(pid)) !== undefined) await sleep(systemClock, 10);
}

/** A gateway process of its own; `path` comes before PATH in its environment. */
async function holdElsewhere(directory: string, path = "") {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "testing/hold.ts"), directory], {
    stdout: "pipe",
    stderr: "inherit",
    env: { ...process.env, PATH: `${path}:${process.env.PATH}` },
  });
  const { value } = await child.stdout.getReader().read();
  return { child, server: Number(new TextDecoder().decode(value)) };
}

describe("the embedded server", () => {
  test("keeps its data, its password and nobody else's, from one start to the next", async () => {
    const directory = await freshDirectory();
    const said: string[] = [];
    const first = await start(directory, said);
    await ask(first.url, "create table kept as select 7 as seven");
    const wrong = first.url.replace(/:[^:@/]+@/, ":guess@");
    await expect(ask(wrong, "select 1")).rejects.toThrow("password authentication failed");
    expect((await stat(join(directory, "password"))).mode & 0o777).toBe(0o600);
    await first.stop();
    await first.stop();

    const second = await start(directory, said);
    expect(await ask(second.url, "select seven from kept")).toEqual([{ seven: 7 }]);
    expect(said).toEqual(["creating the embedded Postgres (first start only)"]);
  });

  test("comes back under the same address when it is killed", async () => {
    const said: string[] = [];
    const server = await start(await freshDirectory(), said);
    await ask(server.url, "create table kept as select 1 as one");
    for (let round = 0; round < 3; round += 1) {
      const killed = server.pid;
      process.kill(killed, "SIGKILL");
      await gone(killed);
      expect(await ask(server.url, "select one from kept")).toEqual([{ one: 1 }]);
    }
    expect(said).toContain("the embedded Postgres died (SIGKILL), starting it again");
    expect(said).toContain("the embedded Postgres is back");
  });

  test.each([0, 30, 60, 90])("stops for good even while it is restarted (after %d ms)", async (ms) => {
    const directory = await freshDirectory();
    const server = await start(directory);
    process.kill(server.pid, "SIGKILL");
    await sleep(systemClock, ms);
    await server.stop();
    expect(await commandOf(server.pid)).toBeUndefined();
    const again = await start(directory);
    expect(await ask(again.url, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("begins again when its first start was killed midway", async () => {
    const directory = await freshDirectory();
    await mkdir(join(directory, "cluster.unfinished"), { recursive: true });
    await writeFile(join(directory, "cluster.unfinished", "PG_VERSION"), "18\n");
    await writeFile(join(directory, "password"), "old\n");
    const server = await start(directory);
    expect(await ask(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("is not fooled by a process that got the old server's number", async () => {
    const directory = await freshDirectory();
    const first = await start(directory);
    await first.stop();
    const stranger = Bun.spawn(["sleep", "600"]);
    const cluster = join(directory, "cluster");
    await writeFile(join(cluster, "postmaster.pid"), `${stranger.pid}\n${cluster}\n1\n5432\n\n127.0.0.1\n`);
    const second = await start(directory);
    expect(await ask(second.url, "select 1 as one")).toEqual([{ one: 1 }]);
    expect(stranger.exitCode).toBeNull();
    stranger.kill();
  });

  test("leaves a directory that another gateway runs on alone", async () => {
    const directory = await freshDirectory();
    const other = await holdElsewhere(directory);
    await expect(start(directory)).rejects.toThrow(`Process ${other.child.pid} runs on ${directory} already`);
    expect(await commandOf(other.server)).toContain(directory);
    other.child.kill("SIGTERM");
    await other.child.exited;
  });

  test("names a place where a number in it is no longer its owner's as free", async () => {
    const directory = await freshDirectory();
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, "owner"), `${process.pid} an-earlier-process\n`);
    const server = await start(directory);
    expect(await ask(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
    expect(await readFile(join(directory, "owner"), "utf8")).toStartWith(`${process.pid} `);
  });

  test("goes when its gateway is killed, and the next start finds everything", async () => {
    const directory = await freshDirectory();
    const killed = await holdElsewhere(directory);
    killed.child.kill("SIGKILL");
    await killed.child.exited;
    const server = await start(directory);
    expect(await ask(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
    expect(await commandOf(killed.server)).toBeUndefined();
  });

  test("that outlived its gateway is stopped by the next start", async () => {
    const directory = await freshDirectory();
    const killed = await holdElsewhere(directory, await without("setpriv"));
    killed.child.kill("SIGKILL");
    await killed.child.exited;
    const server = await start(directory);
    expect(await ask(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
    expect(await commandOf(killed.server)).toBeUndefined();
  });

  // What unprivileged containers are like. Only root needs a way around it; anybody else never needed it.
  test("runs where user namespaces are forbidden", async () => {
    const directory = await freshDirectory();
    const held = await holdElsewhere(directory, await without("unshare"));
    expect(await commandOf(held.server)).toContain(directory);
    held.child.kill("SIGKILL");
    await held.child.exited;
    const server = await start(directory);
    expect(await ask(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("says what to do when it cannot run at all", async () => {
    const directory = await freshDirectory();
    await mkdir(directory, { recursive: true });
    const broken = { postgres: "/nowhere/postgres", initdb: "/nowhere/initdb" };
    const found = serverUser(directory, join(directory, "cluster"), broken);
    await expect(found).rejects.toThrow(/\/nowhere\/initdb.* set DATABASE_URL to a Postgres server/i);
  });
});

/** A folder to put before PATH, in which these programs only fail, as in a container that forbids what they do. */
async function without(...programs: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-failing-"));
  made.push(folder);
  for (const program of programs) {
    await writeFile(join(folder, program), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  }
  return folder;
}
