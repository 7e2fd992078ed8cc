import { chown, readFile, stat } from "node:fs/promises";

/** How a Postgres program is run: the command in front of it, and who owns its files. */
export interface ServerUser {
  /** Put before the program's own command line; empty for an ordinary user. */
  readonly prefix: readonly string[];
  /** Hands a directory to that user. */
  own(path: string): Promise<void>;
}

const NOBODY = 65_534;
const OURSELVES: ServerUser = { prefix: [], own: async () => {} };

/**
 * Postgres refuses to run as root. An ordinary user runs it as himself. Root first tries a user namespace, in
 * which root's own files belong to `nobody`: works below directories that nobody else may enter. Else it
 * becomes an unprivileged user outright.
 * @param directory the data directory, which shows how an earlier start did it
 * @param program a program of the server, tried out before it is relied on
 * @throws Error with what to do when neither works
 */
export async function serverUser(directory: string, program: string): Promise<ServerUser> {
  if (process.platform === "win32" || process.getuid?.() !== 0) return dyingWithUs(OURSELVES);
  const owner = await stat(`${directory}/PG_VERSION`).then(
    ({ uid }) => uid,
    () => undefined,
  );
  const inNamespace: ServerUser = { prefix: ["unshare", "-U", `--map-user=${NOBODY}`], own: async () => {} };
  if (owner === undefined || owner === 0) {
    if (await runs([...inNamespace.prefix, program, "--version"])) return dyingWithUs(inNamespace);
  }
  const { uid, gid } =
    owner === undefined || owner === 0 ? await unprivilegedUser() : { uid: owner, gid: owner };
  const switched: ServerUser = {
    prefix: ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"],
    own: (path) => chown(path, uid, gid),
  };
  if (await runs([...switched.prefix, program, "--version"])) return dyingWithUs(switched);
  throw new Error(
    "Postgres does not run as root, and neither a user namespace (unshare) nor another user (setpriv) can run it here. " +
      "Start Sluice as an ordinary user, or set DATABASE_URL.",
  );
}

/** With `setpriv` at hand the kernel stops the server when this process is killed, so that none is left behind. */
async function dyingWithUs(user: ServerUser): Promise<ServerUser> {
  if (!(await runs(["setpriv", "--pdeathsig=INT", "true"]))) return user;
  return { ...user, prefix: [...user.prefix, "setpriv", "--pdeathsig=INT"] };
}

async function unprivilegedUser(): Promise<{ readonly uid: number; readonly gid: number }> {
  const passwd = await readFile("/etc/passwd", "utf8").catch(() => "");
  const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(passwd) ?? [];
  return uid === undefined || gid === undefined
    ? { uid: NOBODY, gid: NOBODY }
    : { uid: Number(uid), gid: Number(gid) };
}

async function runs(command: readonly string[]): Promise<boolean> {
  try {
    const child = Bun.spawn([...command], { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
    return (await child.exited) === 0;
  } catch {
    return false; // the program is not installed
  }
}
