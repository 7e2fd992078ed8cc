import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import type { Subprocess } from "bun";
import { findProgram } from "../scripts/servers.ts";
import { serversOf } from "../src/bus/nats/server-urls.ts";
import { freePort } from "./free-port.ts";

/** Real nats-servers of a test's own, with JetStream, one or a cluster of three. */
export interface TestNats {
  /** One URL a server. */
  readonly urls: readonly string[];
  readonly servers: readonly TestNatsServer[];
  /** Stops them all and removes what they stored. */
  dispose(): Promise<void>;
}

export interface TestNatsServer {
  readonly url: string;
  readonly pid: number;
  /** kill -9. */
  kill(): Promise<void>;
  /** Again on the same data and the same port. */
  restart(): Promise<void>;
  /** SIGSTOP; `resume` is SIGCONT. */
  pause(): void;
  resume(): void;
}

const READY_MS = 90_000;

/**
 * Starts them and waits until JetStream takes writes.
 * @param settings added to their configuration
 * @param who `user:password@`, where the settings ask for it
 */
export async function testNats(count: 1 | 3 = 1, settings = "", who = ""): Promise<TestNats> {
  const found = await findProgram("nats-server", {
    ...(await import("../scripts/machine.ts")).thisMachine,
    env: {},
  });
  if (found.via === "environment") throw new Error("a test starts its own nats-servers");
  const directory = await mkdtemp(join(tmpdir(), "sluice-nats-"));
  const ports = Array.from({ length: count * 2 }, freePort);
  const routes = ports.slice(count).map((port) => `nats://127.0.0.1:${port}`);
  const servers: RunningServer[] = [];
  for (let index = 0; index < count; index += 1) {
    const file = join(directory, `${index}.conf`);
    const cluster = count === 1 ? "" : clusterOf(ports[count + index] ?? 0, routes);
    await Bun.write(
      file,
      configOf(index, ports[index] ?? 0, join(directory, String(index)), `${cluster}\n${settings}`),
    );
    servers.push(await runServer([...found.command, "-c", file], `nats://${who}127.0.0.1:${ports[index]}`));
  }
  await takesWrites(servers[0]?.url ?? "", count);
  return {
    urls: servers.map(({ url }) => url),
    servers,
    async dispose() {
      for (const server of servers) server.resume();
      await Promise.all(servers.map((server) => server.kill()));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const configOf = (index: number, port: number, store: string, cluster: string): string => `
server_name: n${index}
listen: "127.0.0.1:${port}"
jetstream { store_dir: "${store}", sync_interval: always }
${cluster}`;

/** Clients are not told of other servers: a test may stand between them and each of theirs. */
const clusterOf = (port: number, routes: readonly string[]): string => `
cluster { name: sluice-test, listen: "127.0.0.1:${port}", no_advertise: true, routes: [${routes.map((url) => `"${url}"`).join(", ")}] }`;

type RunningServer = TestNatsServer;

async function runServer(command: string[], url: string): Promise<RunningServer> {
  let child: Subprocess;
  const start = async (): Promise<void> => {
    child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
    endWithUs(child.pid);
    await listens(url);
  };
  await start();
  return {
    url,
    get pid() {
      return child.pid;
    },
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
    },
    restart: start,
    pause: () => child.kill("SIGSTOP"),
    resume: () => child.kill("SIGCONT"),
  };
}

/** `bun test` runs no exit hooks, so a process of its own waits for the end of this one, however it comes. */
function endWithUs(pid: number): void {
  const script = 'while kill -0 "$1" && kill -0 "$2"; do sleep 0.2; done; kill -9 "$2"';
  Bun.spawn(["sh", "-c", script, "sh", String(process.pid), String(pid)], {
    stdio: ["ignore", "ignore", "ignore"],
    detached: true,
  }).unref();
}

async function listens(url: string): Promise<void> {
  await eventually(async () => {
    const connection = await connect({ ...serversOf([url]), reconnect: false, timeout: 1_000 });
    await connection.close();
  });
}

/** A cluster elects first. */
async function takesWrites(url: string, replicas: number): Promise<void> {
  const connection = await connect(serversOf([url]));
  try {
    await eventually(async () => {
      const manager = await jetstreamManager(connection);
      await manager.streams.add({ name: "ready", subjects: ["ready"], num_replicas: replicas });
      await manager.streams.delete("ready");
    });
  } finally {
    await connection.close();
  }
}

async function eventually(attempt: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + READY_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (thrown) {
      if (performance.now() > deadline) throw thrown;
      await Bun.sleep(50);
    }
  }
}
