import { join } from "node:path";
import type { Algorithm } from "../../src/core/algorithms.ts";
import { startCluster } from "../../tests/cluster.ts";
import type { Client, Gateway } from "../../tests/gateway.ts";
import { OUT } from "../child.ts";
import { requireKnownOptions } from "../known-options.ts";

/**
 * Three nodes, a nats-server and Postgres as real processes: how exactly they meet one limit together, how often they
 * ask its owner, and whether anybody is refused below it.
 */

const LIMIT_QPS = 100;
/** Parts follow the load within 20 s (ARCHITECTURE.md, "Actors and leases"). */
const SETTLE_SECONDS = 22;
const MEASURED_SECONDS = 20;
const NODES = 3;
/** Those by which tenants are counted. */
const ALGORITHMS: readonly Algorithm[] = ["sliding-window", "token-bucket"];
/** Workers at each node, and how long each rests after an answer. */
const ABOVE = { workers: [3, 2, 1], pauseMs: 8 };
const BELOW = { workers: [3, 2, 1], pauseMs: 95 };
/** As fast as the machine goes, far below every limit: asks to owners go by time, so that only this tells what one costs a request. */
const STEADY = { workers: [6, 4, 2], pauseMs: 0 };

interface Seconds {
  readonly served: readonly number[];
  readonly refused: number;
  readonly asks: number;
}

const body = { model: "sandbox-embedding", input: "a" };

async function run(
  nodes: readonly Gateway[],
  client: Client,
  load: { readonly workers: readonly number[]; readonly pauseMs: number },
): Promise<Seconds> {
  const headers = { authorization: `Bearer ${client.key}`, "content-type": "application/json" };
  const began = performance.now();
  const from = began + SETTLE_SECONDS * 1_000;
  const until = from + MEASURED_SECONDS * 1_000;
  const served = Array.from({ length: MEASURED_SECONDS }, () => 0);
  let refused = 0;
  const work = async (url: string): Promise<void> => {
    while (performance.now() < until) {
      const response = await fetch(`${url}/v1/embeddings`, {
        method: "POST",
        headers,
        body: JSON.stringify(body),
      });
      await response.arrayBuffer();
      const second = Math.floor((performance.now() - from) / 1_000);
      if (second >= 0 && second < MEASURED_SECONDS) {
        if (response.status === 200) served[second] = (served[second] ?? 0) + 1;
        else if (response.status === 429) refused += 1;
        else throw new Error(`answered ${response.status}`);
      }
      await Bun.sleep(load.pauseMs);
    }
  };
  const counted = Bun.sleep(SETTLE_SECONDS * 1_000).then(() => asksOf(nodes));
  await Promise.all(
    nodes.flatMap(({ url }, node) => Array.from({ length: load.workers[node] ?? 0 }, () => work(url))),
  );
  return { served, refused, asks: (await asksOf(nodes)) - (await counted) };
}

/** Asks to owners of all nodes together, since they started. */
async function asksOf(nodes: readonly Gateway[]): Promise<number> {
  const texts = await Promise.all(nodes.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()));
  return texts
    .flatMap((text) => text.split("\n"))
    .filter((line) => /owner_ask_total[{ ]/.test(line) && !line.startsWith("#"))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

async function measure(algorithm: Algorithm): Promise<boolean> {
  const normal = { qps: LIMIT_QPS, algorithm };
  const cluster = await startCluster({ rateLimit: { tiers: { normal } } }, { nodes: NODES });
  try {
    const [first] = cluster.nodes;
    if (first === undefined) throw new Error("no node started");
    const above = await run(cluster.nodes, await first.client("1000"), ABOVE);
    const below = await run(cluster.nodes, await first.client("1000"), BELOW);
    const average = mean(above.served);
    const cells = [
      algorithm,
      average.toFixed(1),
      `${Math.min(...above.served)} to ${Math.max(...above.served)}`,
      mean(below.served).toFixed(1),
      String(below.refused),
    ];
    process.stdout.write(`| ${cells.join(" | ")} |\n`);
    return Math.abs(average - LIMIT_QPS) <= 1 && below.refused === 0;
  } finally {
    await cluster.dispose();
  }
}

async function measureAsks(): Promise<boolean> {
  const cluster = await startCluster(
    { rateLimit: { tiers: { normal: { qps: 100_000 } } } },
    { nodes: NODES },
  );
  try {
    const [first] = cluster.nodes;
    if (first === undefined) throw new Error("no node started");
    const { served, refused, asks } = await run(cluster.nodes, await first.client("1000"), STEADY);
    const total = served.reduce((sum, count) => sum + count, 0);
    const perThousand = (asks * 1_000) / total;
    process.stdout.write(
      `\n${Math.round(mean(served))} requests a second, ${refused} refused: ${perThousand.toFixed(2)} asks to owners per 1,000 requests\n`,
    );
    await Bun.write(join(OUT, "cluster.json"), JSON.stringify({ asksPerThousand: perThousand }));
    return perThousand <= 5 && refused === 0;
  } finally {
    await cluster.dispose();
  }
}

requireKnownOptions(process.argv.slice(2), "bun run bench:cluster");
process.stdout.write(
  `${NODES} nodes, one limit of ${LIMIT_QPS} a second; ${MEASURED_SECONDS} s each after ${SETTLE_SECONDS} s to settle\n\n` +
    "| algorithm | admitted a second, more asked for | least to most in a second | asked for below the limit | refused of these |\n" +
    "| --- | ---: | ---: | ---: | ---: |\n",
);
let isRight = true;
for (const algorithm of ALGORITHMS) isRight = (await measure(algorithm)) && isRight;
isRight = (await measureAsks()) && isRight;
process.exit(isRight ? 0 : 1);
