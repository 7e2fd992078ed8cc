/**
 * What calling a vendor costs the process that calls: CPU (`utime + stime`, all threads) per call, of `fetch` and of
 * Sluice's own connections, against the mock vendor in a process of its own. Each pair of stretches is measured by the
 * same process in turn. `bun bench/upstream/main.ts [--quick]`
 */
import { systemClock } from "../../src/core/clock.ts";
import { vendorResponseOf } from "../../src/core/vendor-response.ts";
import { createFetchUpstream } from "../../src/upstream/fetch-upstream.ts";
import { createUpstream, type Upstream } from "../../src/upstream/upstream.ts";
import { startChild } from "../child.ts";
import { machineFacts } from "../machine.ts";
import { bindTo, coresOf, usageOfProcess } from "../process-usage.ts";
import { type Spread, spreadOf } from "../statistics.ts";

interface Load {
  readonly name: string;
  readonly body: string;
  readonly streams: boolean;
}

const chat = (model: string, stream: boolean): string =>
  JSON.stringify({ model, stream, messages: [{ role: "user", content: "How does water find its way?" }] });

const LOADS: readonly Load[] = [
  { name: "whole answers of 64 tokens", body: chat("bench-64", false), streams: false },
  { name: "streams of 64 tokens, 8 in a write", body: chat("bench-64", true), streams: true },
];
const CONCURRENCIES = [1, 64, 1_000];
const isQuick = process.argv.includes("--quick");
const STRETCH_MS = isQuick ? 500 : 3_000;
const PAIRS = isQuick ? 1 : 5;

const mock = startChild("upstream-mock", ["bun", `${import.meta.dir}/../mock-vendor.ts`]);
try {
  const url = `${await mock.listening()}/v1/chat/completions`;
  const cores = coresOf();
  bindTo(process.pid, cores?.gateway);
  bindTo(mock.pid, cores?.others);
  const upstreams = { fetch: createFetchUpstream(), own: createUpstream({ clock: systemClock }) };
  const { processor, bun, kernel, date, commit } = machineFacts("");
  console.log(`${processor}, kernel ${kernel}, Bun ${bun}, ${date}, commit ${commit}\n`);
  console.log(
    "| load | at once | fetch, µs a call | own, µs a call | own ÷ fetch | fetch, calls a second | own |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  for (const load of LOADS) {
    for (const concurrency of CONCURRENCIES) console.log(await row(upstreams, load, concurrency, url));
  }
  upstreams.own.close();
} finally {
  await mock.stop();
}

interface Stretch {
  readonly microseconds: number;
  readonly perSecond: number;
}

async function row(
  upstreams: { readonly fetch: Upstream; readonly own: Upstream },
  load: Load,
  concurrency: number,
  url: string,
): Promise<string> {
  const pairs: { readonly fetched: Stretch; readonly own: Stretch }[] = [];
  await stretch(upstreams.fetch, load, concurrency, url, STRETCH_MS / 3);
  await stretch(upstreams.own, load, concurrency, url, STRETCH_MS / 3);
  for (let pair = 0; pair < PAIRS; pair += 1) {
    const fetched = await stretch(upstreams.fetch, load, concurrency, url, STRETCH_MS);
    pairs.push({ fetched, own: await stretch(upstreams.own, load, concurrency, url, STRETCH_MS) });
  }
  const of = (pick: (pair: (typeof pairs)[number]) => number): Spread => spreadOf(pairs.map(pick));
  const ratio = of(({ fetched, own }) => own.microseconds / fetched.microseconds);
  return `| ${[
    load.name,
    concurrency,
    of(({ fetched }) => fetched.microseconds).median.toFixed(1),
    of(({ own }) => own.microseconds).median.toFixed(1),
    `**${ratio.median.toFixed(2)}×** (${ratio.least.toFixed(2)}–${ratio.greatest.toFixed(2)})`,
    of(({ fetched }) => fetched.perSecond).median.toFixed(0),
    of(({ own }) => own.perSecond).median.toFixed(0),
  ].join(" | ")} |`;
}

async function stretch(
  { call }: Upstream,
  { body, streams }: Load,
  concurrency: number,
  url: string,
  ms: number,
): Promise<Stretch> {
  const until = performance.now() + ms;
  let calls = 0;
  const headers = { authorization: "Bearer sk-bench", "content-type": "application/json" };
  const caller = async (): Promise<void> => {
    while (performance.now() < until) {
      const abort = new AbortController();
      const answer = await call({ method: "POST", url, headers, body }, abort.signal);
      const response = answer instanceof Response ? vendorResponseOf(answer) : answer;
      let length = 0;
      if (streams) {
        for (;;) {
          const next = response.read();
          const bytes = next instanceof Promise ? await next : next;
          if (bytes === null) break;
          length += bytes.length;
        }
      } else length = (await response.bytes(1_000_000))?.length ?? 0;
      if (response.status !== 200 || length < 100) throw new Error(`a wrong answer: ${response.status}`);
      calls += 1;
    }
  };
  const before = usageOfProcess(process.pid).cpuSeconds;
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: concurrency }, caller));
  const seconds = (performance.now() - startedAt) / 1_000;
  const cpu = usageOfProcess(process.pid).cpuSeconds - before;
  return { microseconds: (cpu * 1e6) / calls, perSecond: calls / seconds };
}
