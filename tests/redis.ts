import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { findProgram } from "../scripts/servers.ts";
import { freePort } from "./free-port.ts";

/** A real redis-server of a test's own that keeps nothing on disk. */
export interface TestRedis {
  readonly url: string;
  readonly pid: number;
  /** kill -9. */
  kill(): Promise<void>;
  /** Again on the same port, empty. */
  restart(): Promise<void>;
  /** SIGSTOP; `resume` is SIGCONT. */
  pause(): void;
  resume(): void;
  /** One command, as `redis-cli` would send it. */
  command(...words: readonly string[]): Promise<unknown>;
  dispose(): Promise<void>;
}

const READY_MS = 30_000;

/** Starts one and waits until it answers. */
export async function testRedis(settings: readonly string[] = []): Promise<TestRedis> {
  const found = await findProgram("redis", {
    ...(await import("../scripts/machine.ts")).thisMachine,
    env: {},
  });
  if (found.via === "environment") throw new Error("a test starts its own redis-servers");
  const port = freePort();
  const url = `redis://127.0.0.1:${port}`;
  const own = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  let child: Subprocess;
  const command = (...words: readonly string[]): Promise<unknown> => ask(port, words);
  const start = async (): Promise<void> => {
    child = Bun.spawn([...found.command, ...own, ...settings], { stdio: ["ignore", "ignore", "ignore"] });
    endWithUs(child.pid);
    await eventually(() => command("PING"));
  };
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await child.exited;
  };
  await start();
  return {
    url,
    get pid() {
      return child.pid;
    },
    command,
    kill,
    restart: start,
    pause: () => child.kill("SIGSTOP"),
    resume: () => child.kill("SIGCONT"),
    dispose: kill,
  };
}

/** A Redis Cluster of three primaries without replicas: enough for slots that live elsewhere. */
export async function testRedisCluster(): Promise<{
  readonly urls: readonly string[];
  dispose(): Promise<void>;
}> {
  const directory = await mkdtemp(join(tmpdir(), "sluice-redis-"));
  const servers: TestRedis[] = [];
  const dispose = async (): Promise<void> => {
    await Promise.all(servers.map((one) => one.dispose()));
    await rm(directory, { recursive: true, force: true });
  };
  try {
    for (const [first, last] of [
      [0, 5_460],
      [5_461, 10_922],
      [10_923, 16_383],
    ] as const) {
      const file = join(directory, `${first}.conf`);
      const clustered = ["--cluster-enabled", "yes", "--cluster-config-file", file];
      const server = await testRedis([...clustered, "--cluster-port", String(freePort())]);
      servers.push(server);
      await server.command("CLUSTER", "ADDSLOTSRANGE", String(first), String(last));
    }
    await introduce(servers);
  } catch (thrown) {
    await dispose();
    throw thrown;
  }
  return { urls: servers.map(({ url }) => url), dispose };
}

async function introduce(servers: readonly TestRedis[]): Promise<void> {
  const [first, ...others] = servers;
  for (const other of others) {
    const { port } = new URL(other.url);
    const [, busPort = ""] = /@(\d+)/.exec(String(await other.command("CLUSTER", "NODES"))) ?? [];
    await first?.command("CLUSTER", "MEET", "127.0.0.1", port, busPort);
  }
  await eventually(async () => {
    for (const server of servers) {
      const info = String(await server.command("CLUSTER", "INFO"));
      if (!info.includes("cluster_state:ok") || !info.includes("cluster_known_nodes:3")) {
        throw new Error("the cluster has not formed");
      }
    }
  });
}

/** A connection of its own for each command, through Bun's client: not the one under test. */
async function ask(port: number, words: readonly string[]): Promise<unknown> {
  const [command = "", ...args] = words;
  const client = new Bun.RedisClient(`redis://127.0.0.1:${port}`, {
    autoReconnect: false,
    enableOfflineQueue: false,
    connectionTimeout: 1_000,
  });
  try {
    await client.connect();
    return await client.send(command, args);
  } finally {
    client.close();
  }
}

/** `bun test` runs no exit hooks, so a process of its own waits for the end of this one, however it comes. */
function endWithUs(pid: number): void {
  const script = 'while kill -0 "$1" && kill -0 "$2"; do sleep 0.2; done; kill -9 "$2"';
  Bun.spawn(["sh", "-c", script, "sh", String(process.pid), String(pid)], {
    stdio: ["ignore", "ignore", "ignore"],
    detached: true,
  }).unref();
}

async function eventually(attempt: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + READY_MS;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (thrown) {
      if (performance.now() > deadline) throw thrown;
      await Bun.sleep(50);
    }
  }
}
