import { startCluster } from "../../tests/cluster.ts";
import { type Gateway, startGateway } from "../../tests/gateway.ts";
import { ROOT, startChild } from "../child.ts";

/**
 * What a running resumable stream costs its node in memory, and what its copy costs its reader in time: the same load
 * on a node that is alone and on one of a cluster. `bun bench/streams/main.ts [STREAMS]`
 */
process.chdir(ROOT);
const STREAMS = Number(process.argv[2] ?? 1_000);
const TOKENS_A_SECOND = 10;
const MODEL = `bench-600-at-${TOKENS_A_SECOND}`;
/** Seconds of the load before it is looked at, and while it is. */
const RAMP_MS = 8_000;
const WATCH_MS = 15_000;
const KIB = 1024;

interface Figures {
  readonly streams: number;
  readonly kibPerStream: number;
  /** Milliseconds behind the fastest token of the same stream. */
  readonly delay: { readonly p50: number; readonly p99: number };
  readonly firstTokenMs: { readonly p50: number; readonly p99: number };
}

const mock = startChild("mock-vendor", [process.execPath, "bench/mock-vendor.ts"]);
try {
  const config = configFor(await mock.listening());
  const alone = await startGateway(config);
  console.log("alone    ", JSON.stringify(await measure(alone).finally(alone.dispose)));
  const cluster = await startCluster(config, { nodes: 2 });
  const [node] = cluster.nodes;
  if (node === undefined) throw new Error("a cluster has nodes");
  console.log("copied   ", JSON.stringify(await measure(node).finally(cluster.dispose)));
} finally {
  await mock.stop();
}

function configFor(mockUrl: string): object {
  const price = { input: 1, output: 1 };
  return {
    vendors: { mock: { adapter: "openai-compatible", baseUrl: `${mockUrl}/v1`, keys: ["sk-bench"] } },
    models: { [MODEL]: [{ vendor: "mock", model: MODEL, price }] },
    server: { overload: { minInFlight: 20_000 } },
  };
}

async function measure(gateway: Gateway): Promise<Figures> {
  const client = await gateway.client("1000000");
  // So that what is loaded once is not counted as the streams' own.
  const warm = new AbortController();
  const warming = Array.from({ length: 50 }, () => watch(gateway, client.key, warm.signal));
  await Bun.sleep(3_000);
  warm.abort();
  await Promise.all(warming);
  await Bun.sleep(3_000);
  const before = await rssOf(gateway.pid);
  const stop = new AbortController();
  const running = Array.from({ length: STREAMS }, () => watch(gateway, client.key, stop.signal));
  await Bun.sleep(RAMP_MS + WATCH_MS);
  const after = await rssOf(gateway.pid);
  stop.abort();
  const watched = await Promise.all(running);
  const delays = watched.flatMap(({ arrivals }) => delaysOf(arrivals));
  const firsts = watched.map(({ firstMs }) => firstMs);
  return {
    streams: watched.filter(({ arrivals }) => arrivals.length > 100).length,
    kibPerStream: Math.round((after - before) / KIB / STREAMS),
    delay: quantiles(delays),
    firstTokenMs: quantiles(firsts),
  };
}

interface Watched {
  readonly firstMs: number;
  readonly arrivals: readonly number[];
}

/** Reads a stream until it is told to stop, and notes when its events came. */
async function watch({ url }: Gateway, key: string, signal: AbortSignal): Promise<Watched> {
  const from = performance.now();
  const arrivals: number[] = [];
  try {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "x-sluice-resumable": "true" },
      body: JSON.stringify({
        model: MODEL,
        stream: true,
        max_tokens: 600,
        messages: [{ role: "user", content: "?" }],
      }),
      signal,
    });
    if (!response.ok || response.body === null)
      throw new Error(`${response.status} ${await response.text()}`);
    for await (const chunk of response.body) {
      const events = Buffer.from(chunk).toString("latin1").split("\nid: ").length;
      const at = performance.now();
      for (let event = 0; event < events; event += 1) arrivals.push(at);
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
  return { firstMs: (arrivals[0] ?? Number.POSITIVE_INFINITY) - from, arrivals };
}

/** How much later than the stream's best token each came, by the vendor's even pace. */
function delaysOf(arrivals: readonly number[]): readonly number[] {
  const late = arrivals.map((at, index) => at - (index * 1_000) / TOKENS_A_SECOND);
  const best = Math.min(...late);
  return late.map((at) => at - best);
}

function quantiles(values: readonly number[]): { readonly p50: number; readonly p99: number } {
  const sorted = Float64Array.from(values).sort();
  const at = (part: number): number => Math.round((sorted[Math.floor(sorted.length * part)] ?? 0) * 10) / 10;
  return { p50: at(0.5), p99: at(0.99) };
}

async function rssOf(pid: number): Promise<number> {
  const status = await Bun.file(`/proc/${pid}/status`).text();
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * KIB;
}
