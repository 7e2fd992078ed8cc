import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { randomText } from "../../core/ids.ts";
import type { Random } from "../../core/random.ts";
import type { Binaries } from "./binaries.ts";
import type { ServerUser } from "./server-user.ts";

/** The only role, and it asks for the password even on this machine. */
export const ROLE = "sluice";

export const clusterIn = (directory: string): string => join(directory, "cluster");
export const passwordIn = (directory: string): string => join(directory, "password");

export interface ClusterOptions {
  readonly directory: string;
  readonly binaries: Binaries;
  readonly user: ServerUser;
  readonly random: Random;
  readonly isThrowaway: boolean;
}

/**
 * Creates the files of a server. They get their name only when they are whole, so that a first start which is
 * killed midway is simply begun again by the next.
 * @throws Error with initdb's own last line
 */
export async function createCluster(options: ClusterOptions): Promise<void> {
  const { directory, binaries, user, random, isThrowaway } = options;
  const unfinished = join(directory, "cluster.unfinished");
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  await rm(passwordIn(directory), { force: true });
  await writeFile(passwordIn(directory), `${randomText(random.bytes(40))}\n`, { mode: 0o600 });
  await user.own(directory);
  const flags = [
    `--pgdata=${unfinished}`,
    `--username=${ROLE}`,
    `--pwfile=${passwordIn(directory)}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    // Sorts alike on every machine, whatever its C library.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    ...(isThrowaway ? ["--no-sync"] : []),
  ];
  const child = Bun.spawn([...user.prefix, binaries.initdb, ...flags], {
    ...user.ids,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    env: { PATH: process.env.PATH ?? "", LC_ALL: "C" },
  });
  const [status, errors] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (status !== 0) throw new Error(`initdb failed: ${errors.trim().split("\n").at(-1) ?? status}`);
  await rename(unfinished, clusterIn(directory));
}
