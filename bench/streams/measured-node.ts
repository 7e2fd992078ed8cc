import { existsSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { startCluster } from "../../tests/cluster.ts";
import { type Gateway, startGateway } from "../../tests/gateway.ts";
import { OUT } from "../child.ts";
import type { Held } from "./tell-memory.ts";

/** A gateway of which is known what it holds in memory. */
export interface MeasuredNode {
  readonly gateway: Gateway;
  /** Bytes of the process, as they are. */
  rss(): Promise<number>;
  /** What is left when the garbage is gone: the least of some looks, since the allocator gives back late. */
  held(): Promise<Held>;
  dispose(): Promise<void>;
}

const FILE = join(OUT, "memory.json");
const ENVIRONMENT = {
  BUN_OPTIONS: `--preload=${join(import.meta.dir, "tell-memory.ts")}`,
  BENCH_MEMORY_FILE: FILE,
};
const LOOKS = 4;
const BETWEEN_LOOKS_MS = 700;
const LOOK_AGAIN_MS = 50;
const PATIENCE_MS = 15_000;

export async function startAlone(config: object): Promise<MeasuredNode> {
  const gateway = await startGateway(config, ENVIRONMENT);
  return measured(gateway, gateway.dispose);
}

/** One of two nodes that share NATS and Postgres. */
export async function startInCluster(config: object): Promise<MeasuredNode> {
  const cluster = await startCluster(config, { nodes: 2, env: ENVIRONMENT });
  const [node] = cluster.nodes;
  if (node === undefined) throw new Error("a cluster has nodes");
  return measured(node, cluster.dispose);
}

function measured(gateway: Gateway, dispose: () => Promise<void>): MeasuredNode {
  return {
    gateway,
    dispose,
    async rss() {
      const status = await Bun.file(`/proc/${gateway.pid}/status`).text();
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1_024;
    },
    async held() {
      let least = await look(gateway.pid);
      for (let looks = 1; looks < LOOKS; looks += 1) {
        await Bun.sleep(BETWEEN_LOOKS_MS);
        const next = await look(gateway.pid);
        if (next.rss < least.rss) least = next;
      }
      return least;
    },
  };
}

async function look(pid: number): Promise<Held> {
  if (existsSync(FILE)) unlinkSync(FILE);
  process.kill(pid, "SIGUSR2");
  for (let waited = 0; waited < PATIENCE_MS; waited += LOOK_AGAIN_MS) {
    await Bun.sleep(LOOK_AGAIN_MS);
    const text = existsSync(FILE) ? await Bun.file(FILE).text() : "";
    if (text.endsWith("}")) return JSON.parse(text) as Held;
  }
  throw new Error("the gateway does not tell what it holds");
}
