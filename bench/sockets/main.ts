import { readFileSync } from "node:fs";
import { join } from "node:path";
import { OUT, ROOT, startChild } from "../child.ts";
import { requireKnownOptions } from "../known-options.ts";
import { machineFacts } from "../machine.ts";
import { commandOf, descendantsOf, usageOfProcess } from "../process-usage.ts";
import { SOCKETS, withPart } from "../readme.ts";
import { startSluiceTarget } from "../sluice.ts";
import { openFiles } from "./file-limit.ts";
import type { IdleCount, IdlePlan } from "./idle-clients.ts";

/**
 * `bun run bench:sockets [SOCKETS] [--workers N] [--idle SECONDS] [--quick] [--dry]`: so many idle authenticated WebSockets on one
 * machine, what each costs in memory, whether all are still there after a while and answer. See bench/README.md.
 */
process.chdir(ROOT);
const args = process.argv.slice(2);
requireKnownOptions(args, "bun run bench:sockets [SOCKETS] [--workers N] [--idle SECONDS] [--quick] [--dry]");
const isQuick = args.includes("--quick");
const number = (name: string, absent: number): number => {
  const at = args.indexOf(name);
  return at < 0 ? absent : Number(args[at + 1]);
};
const first = Number(args[0]);
const sockets = first > 0 ? first : isQuick ? 4_000 : 100_000;
/** Longer than the two minutes after which a silent socket is pinged by the server. */
const idleSeconds = number("--idle", isQuick ? 5 : 180);
/** Opened and closed first, so that what is loaded once is not counted as theirs. */
const WARM_UP = Math.min(2_000, sockets / 4);
/** Of one address and one port of the gateway there are 28,000 ways in (`ip_local_port_range`). */
const PER_HOST = 20_000;
/** Users share keys, whose sockets on a node are bounded (SOCKETS_PER_KEY). */
const PER_KEY = 1_000;
/** Other files of a process besides sockets. */
const OTHER_FILES = 2_000;
/** The kernel spreads connections by a hash: none of the workers gets so much more than its part. */
const UNEVEN = 1.15;
const LEAST_WORKERS = 2;
const MOST_KIB = 8;

const hosts = Array.from({ length: Math.ceil(sockets / PER_HOST) }, (_, at) => `127.0.0.${at + 1}`);
// Where a process may not open more files, more processes do.
const each = openFiles(Math.ceil((sockets * UNEVEN) / LEAST_WORKERS) + OTHER_FILES) - OTHER_FILES;
const workers = number("--workers", Math.max(LEAST_WORKERS, Math.ceil((sockets * UNEVEN) / each)));

const mock = startChild("mock-vendor", [process.execPath, "bench/mock-vendor.ts"]);
const stops: (() => Promise<void>)[] = [() => mock.stop()];
try {
  const gateway = await startSluiceTarget(await mock.listening(), { workers, host: "0.0.0.0" });
  stops.push(gateway.stop);
  const port = Number(new URL(gateway.url).port);
  const pids = workers === 1 ? [gateway.pid] : workersOf(gateway.pid);
  const keys = await gateway.newKeys(Math.ceil(sockets / PER_KEY));
  const plan = { hosts, port, keys };
  const warm = startClients({ ...plan, sockets: WARM_UP });
  await warm.tell("open");
  await warm.end();
  await Bun.sleep(3_000);

  const before = memoryOf(pids);
  const clients = shares(sockets).map((share) => startClients({ ...plan, sockets: share }));
  stops.push(async () => void (await Promise.all(clients.map((one) => one.end()))));
  const began = performance.now();
  const opened = await tellAll(clients, "open");
  const openSeconds = (performance.now() - began) / 1_000;
  console.error(`open: ${JSON.stringify(opened)}, ${openSeconds.toFixed(1)} s`);
  await Bun.sleep(5_000);
  const settled = memoryOf(pids);
  await Bun.sleep(idleSeconds * 1_000);
  const later = memoryOf(pids);
  const asked = await tellAll(clients, "ask");
  console.error(`asked: ${JSON.stringify(asked)}`);
  const answered = memoryOf(pids);

  const cost = (after: Memory, what: keyof Memory): string =>
    ((after[what] - before[what]) / sockets / 1024).toFixed(2);
  const { date, commit, processor, cores } = machineFacts("");
  const rows = [
    ["when all were open", settled],
    [`after ${idleSeconds} s of silence, in which the server's pings were answered`, later],
    ["when each had asked and was answered", answered],
  ] as const;
  const text = `${date}, commit ${commit}; ${processor}, ${cores} cores; ${workers} workers.

${sockets.toLocaleString("en-US")} idle authenticated WebSockets, opened within ${openSeconds.toFixed(0)} s; ${asked.lost} lost, ${opened.refused} refused (${opened.again} attempts met a full backlog and were made again), ${asked.pinged.toLocaleString("en-US")} pings of the server answered, ${asked.answered.toLocaleString("en-US")} answered when asked at the end.

| KiB each (at most ${MOST_KIB}) | resident memory of the workers | the kernel's, both ends |
| --- | ---: | ---: |
${rows.map(([when, memory]) => `| ${when} | ${cost(memory, "resident")} | ${cost(memory, "kernel")} |`).join("\n")}`;
  console.log(`\n${text}\n`);
  await Bun.write(
    join(OUT, "sockets.json"),
    JSON.stringify({
      sockets,
      workers,
      kibibytes: Number(cost(later, "resident")),
      kernelKibibytes: Number(cost(later, "kernel")),
      date,
      commit,
    }),
  );
  if (!args.includes("--dry") && !isQuick) {
    const readme = join(ROOT, "bench/README.md");
    await Bun.write(readme, withPart(await Bun.file(readme).text(), SOCKETS, text));
  }
  const isKept =
    asked.answered === sockets && asked.lost === 0 && Number(cost(later, "resident")) <= MOST_KIB;
  process.exitCode = isKept ? 0 : 1;
} finally {
  for (const stop of stops.toReversed()) await stop();
}
process.exit();

interface Memory {
  readonly resident: number;
  readonly kernel: number;
}

/** Bytes: of the workers, and of the kernel's own objects. */
function memoryOf(pids: readonly number[]): Memory {
  const slab = /^Slab:\s+(\d+) kB/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1];
  return {
    resident: pids.reduce((sum, pid) => sum + usageOfProcess(pid).residentBytes, 0),
    kernel: Number(slab ?? 0) * 1024,
  };
}

/** The gateway's processes below the one that was started. */
function workersOf(pid: number): readonly number[] {
  const found = descendantsOf(pid).filter((child) => commandOf(child).includes("src/main.ts"));
  if (found.length !== workers) throw new Error(`${found.length} workers were found`);
  return found;
}

function shares(all: number): readonly number[] {
  const processes = Math.ceil(all / each);
  return Array.from(
    { length: processes },
    (_, at) => Math.floor(all / processes) + (at < all % processes ? 1 : 0),
  );
}

interface Clients {
  tell(what: "open" | "ask"): Promise<IdleCount>;
  end(): Promise<void>;
}

function startClients(plan: IdlePlan): Clients {
  const child = Bun.spawn([process.execPath, "bench/sockets/idle-clients.ts", JSON.stringify(plan)], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const lines = child.stdout.getReader();
  return {
    async tell(what) {
      child.stdin.write(`${what}\n`);
      await child.stdin.flush();
      const { value } = await lines.read();
      return JSON.parse(new TextDecoder().decode(value)) as IdleCount;
    },
    async end() {
      child.kill();
      await child.exited;
    },
  };
}

async function tellAll(clients: readonly Clients[], what: "open" | "ask"): Promise<IdleCount> {
  const counts = await Promise.all(clients.map((one) => one.tell(what)));
  const sum = (name: keyof IdleCount): number => counts.reduce((all, one) => all + one[name], 0);
  return {
    open: sum("open"),
    refused: sum("refused"),
    again: sum("again"),
    lost: sum("lost"),
    pinged: sum("pinged"),
    answered: sum("answered"),
  };
}
