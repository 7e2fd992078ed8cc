import { chown, readFile, stat } from "node:fs/promises";
import type { Binaries } from "./binaries.ts";

/** As whom the server runs, and how that is brought about. */
export interface ServerUser {
  /** Put before the program's own command line. Every word of it ends by becoming the next: the pid stays. */
  readonly prefix: readonly string[];
  /** Given to the spawn call itself. */
  readonly ids: { readonly uid?: number; readonly gid?: number };
  /** Hands a directory and all below it to that user. */
  own(path: string): Promise<void>;
}

interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** The kernel stops the server when this process is killed, so that none is left behind. */
const DYING_WITH_US = ["setpriv", "--pdeathsig=INT"];

/**
 * Below directories that the server's user may not enter (a clone in /root). The secure bit makes access(2),
 * with which Postgres looks at its own program, honour the capability.
 */
const READING_ANYTHING = [
  "--inh-caps=+dac_override",
  "--ambient-caps=+dac_override",
  "--securebits=+no_setuid_fixup",
];

/**
 * Postgres refuses to run as root. The ways, in order; the first that is seen to work with these very
 * programs and this directory is taken:
 * an ordinary user is the server's user himself; root enters a user namespace, in which root's own files belong to
 * an ordinary user; where containers forbid that, root becomes another user, with the right to enter any
 * directory if need be.
 * @param directory holds the cluster; an earlier start's owner of it is kept
 * @throws Error with what to do when nothing works
 */
export async function serverUser(
  directory: string,
  cluster: string,
  binaries: Binaries,
): Promise<ServerUser> {
  let reason = "";
  for (const candidate of await candidates(cluster)) {
    await candidate.own(directory);
    const outcome = await tryOut(candidate, directory, binaries);
    if (outcome === "works") return candidate;
    reason = outcome;
  }
  const remedy = isRoot()
    ? "Postgres never runs as root, and no way to run it as another user works here. Start Sluice as an ordinary user, or set"
    : "Set";
  throw new Error(
    `The embedded Postgres does not run: ${reason}. ${remedy} DATABASE_URL to a Postgres server.`,
  );
}

const isRoot = (): boolean => process.getuid?.() === 0;

async function candidates(cluster: string): Promise<readonly ServerUser[]> {
  if (process.platform === "win32") return [asOurselves()];
  const account = await ordinaryAccount();
  const inNamespace = asOurselves("unshare", "-U", `--map-user=${account.uid}`);
  // A namespace helps an ordinary user, too, when no line of /etc/passwd names him: initdb insists on one.
  if (!isRoot()) return [asOurselves(), inNamespace].flatMap(dyingFirst);
  const owner = await stat(cluster).then(
    ({ uid, gid }) => (uid === 0 ? undefined : { uid, gid }),
    () => undefined,
  );
  const { uid, gid } = owner ?? account;
  const become = ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
  const switched = [
    switchedTo({ uid, gid }, [...become, "--inh-caps=-all"]),
    switchedTo({ uid, gid }, [...become, ...READING_ANYTHING]),
  ];
  return [
    ...(owner === undefined ? dyingFirst(inNamespace) : []),
    ...switched.flatMap(dyingFirst),
    { ...switchedTo({ uid, gid }, []), ids: { uid, gid } }, // without setpriv at hand
  ];
}

const asOurselves = (...prefix: readonly string[]): ServerUser => ({ prefix, ids: {}, own: async () => {} });

const switchedTo = ({ uid, gid }: Account, prefix: readonly string[]): ServerUser => ({
  prefix,
  ids: {},
  own: (path) => ownAll(path, uid, gid),
});

const dyingFirst = (user: ServerUser): readonly ServerUser[] => [
  { ...user, prefix: [...user.prefix, ...DYING_WITH_US] },
  user,
];

async function ownAll(path: string, uid: number, gid: number): Promise<void> {
  const glob = new Bun.Glob("**/*");
  await chown(path, uid, gid);
  for await (const name of glob.scan({ cwd: path, dot: true, onlyFiles: false, followSymlinks: false })) {
    await chown(`${path}/${name}`, uid, gid);
  }
}

/** initdb with `--show` finds its programs, its libraries, its shared files and its user's name, and writes nothing. */
async function tryOut(user: ServerUser, directory: string, binaries: Binaries): Promise<"works" | string> {
  const script = '"$1" --show --pgdata="$2/none" && : > "$2/trial" && rm "$2/trial"';
  const trial =
    process.platform === "win32"
      ? [binaries.initdb, "--version"]
      : ["sh", "-c", script, "sh", binaries.initdb, directory];
  try {
    const child = Bun.spawn([...user.prefix, ...trial], {
      ...user.ids,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    const [status, errors] = await Promise.all([child.exited, new Response(child.stderr).text()]);
    return status === 0 ? "works" : (errors.trim().split("\n").at(-1) ?? `status ${status}`);
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause); // the program in front is not installed
  }
}

/** One that has a name on this machine, made for Postgres if there is one. */
async function ordinaryAccount(): Promise<Account> {
  const passwd = await readFile("/etc/passwd", "utf8").catch(() => "");
  for (const name of ["postgres", "nobody"]) {
    const [, uid, gid] = new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, "m").exec(passwd) ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  return { uid: 65_534, gid: 65_534 };
}
