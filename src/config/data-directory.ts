import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { randomText } from "../core/ids.ts";
import type { Random } from "../core/random.ts";

/** What a node keeps on its own disk besides the ledger: who it is, its secret, and that nobody else runs here. */
export interface DataDirectory {
  readonly path: string;
  /** Made at the first start, the same ever after. */
  readonly nodeId: string;
  /** 32 bytes, made at the first start; readable by the owner alone. */
  readonly masterSecret: Uint8Array;
  /** Lets another process use the directory. */
  unlock(): void;
}

const LOCK = "sluice.lock";

/**
 * Opens the directory for this process alone.
 * @throws Error naming the process that uses it
 */
export function openDataDirectory(path: string, random: Random): DataDirectory {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  lock(path);
  return {
    path,
    nodeId: keptText(join(path, "node-id"), () => `node-${randomText(random.bytes(10))}`),
    masterSecret: Buffer.from(
      keptText(join(path, "master-secret"), () => Buffer.from(random.bytes(32)).toString("hex")),
      "hex",
    ),
    unlock: () => rmSync(join(path, LOCK), { force: true }),
  };
}

/** Created exclusively, so of two processes one wins; one that was killed leaves its number behind. */
function lock(path: string): void {
  const file = join(path, LOCK);
  for (let tries = 0; tries < 3; tries += 1) {
    try {
      const descriptor = openSync(file, "wx", 0o600);
      writeSync(descriptor, `${process.pid} ${startOf(process.pid)}\n`);
      closeSync(descriptor);
      return;
    } catch (thrown) {
      if (!isTaken(thrown)) throw thrown;
    }
    const [pid = "", start] = readFileSync(file, "utf8").trim().split(" ");
    if (isRunning(Number(pid), start)) {
      throw new Error(
        `The data directory ${path} is in use by process ${pid}. Stop it, or set SLUICE_DATA_DIR.`,
      );
    }
    rmSync(file, { force: true });
  }
  throw new Error(`The data directory ${path} could not be locked.`);
}

const isTaken = (thrown: unknown): boolean =>
  typeof thrown === "object" && thrown !== null && "code" in thrown && thrown.code === "EEXIST";

function isRunning(pid: number, start: string | undefined): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    // It exists and belongs to somebody else.
    if (!(typeof thrown === "object" && thrown !== null && "code" in thrown && thrown.code === "EPERM"))
      return false;
  }
  return start === undefined || start === startOf(pid);
}

/** When a process began, in clock ticks since boot: a process id that was used again is another process. */
function startOf(pid: number): string {
  const path = `/proc/${pid}/stat`;
  if (!existsSync(path)) return "unknown";
  const text = readFileSync(path, "utf8");
  // The second field is the command in parentheses and may hold spaces; the 22nd of all is the start time.
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? "unknown";
}

function keptText(path: string, make: () => string): string {
  if (existsSync(path)) {
    const text = readFileSync(path, "utf8").trim();
    if (text !== "") return text;
  }
  const text = make();
  writeFileSync(path, `${text}\n`, { mode: 0o600 });
  return text;
}
