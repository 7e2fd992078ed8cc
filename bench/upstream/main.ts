/**
 * What calling a vendor costs the process that calls: CPU (`utime + stime`, all threads) per call, of `fetch`, of Sluice's
 * own connections and of bare sockets that read nothing, against the mock vendor in a process of its own. The three are
 * measured by the same process in turn. `bun bench/upstream/main.ts [--quick]`
 */

import { systemClock } from "../../src/core/clock.ts";
import { nextOf } from "../../src/core/poll.ts";
import { type VendorResponse, vendorResponseOf } from "../../src/core/vendor-response.ts";
import { createFetchUpstream } from "../../src/upstream/fetch-upstream.ts";
import { createUpstream, type Upstream } from "../../src/upstream/upstream.ts";
import { startChild } from "../child.ts";
import { machineFacts } from "../machine.ts";
import { bindTo, coresOf, usageOfProcess } from "../process-usage.ts";
import { type Spread, spreadOf } from "../statistics.ts";
import { type BareSockets, bareSockets } from "./bare-socket.ts";

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
const STRETCH_MS = isQuick ? 500 : 2_000;
const ROUNDS = isQuick ? 1 : 5;

const mock = startChild("upstream-mock", ["bun", `${import.meta.dir}/../mock-vendor.ts`]);
try {
  const url = `${await mock.listening()}/v1/chat/completions`;
  const cores = coresOf();
  bindTo(process.pid, cores?.gateway);
  bindTo(mock.pid, cores?.others);
  const { hostname, port } = new URL(url);
  const own = createUpstream({ clock: systemClock });
  const sockets = bareSockets(hostname, Number(port));
  const ways = {
    fetch: (load: Load) => callOf(createFetchUpstream(), load, url),
    own: (load: Load) => callOf(own, load, url),
    bare: (load: Load) => bareCallOf(sockets, load, url),
  };
  const { processor, bun, kernel, date, commit } = machineFacts("");
  console.log(`${processor}, kernel ${kernel}, Bun ${bun}, ${date}, commit ${commit}\n`);
  console.log(
    "| load | at once | fetch, µs a call | own | bare sockets | own ÷ fetch | calls a second: fetch | own |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- | --- |");
  for (const load of LOADS) {
    for (const concurrency of CONCURRENCIES) {
      console.log(await row(load, concurrency, [ways.fetch(load), ways.own(load), ways.bare(load)]));
    }
  }
  own.close();
  sockets.close();
} finally {
  await mock.stop();
}

interface Stretch {
  readonly microseconds: number;
  readonly perSecond: number;
}

/** One call, from its beginning to its last byte. */
type Call = () => Promise<void>;

async function row(load: Load, concurrency: number, calls: readonly [Call, Call, Call]): Promise<string> {
  const rounds: Record<"fetched" | "own" | "bare", Stretch>[] = [];
  for (const call of calls) await stretch(call, concurrency, STRETCH_MS / 3);
  for (let round = 0; round < ROUNDS; round += 1) {
    rounds.push({
      fetched: await stretch(calls[0], concurrency, STRETCH_MS),
      own: await stretch(calls[1], concurrency, STRETCH_MS),
      bare: await stretch(calls[2], concurrency, STRETCH_MS),
    });
  }
  const of = (pick: (round: (typeof rounds)[number]) => number): Spread => spreadOf(rounds.map(pick));
  const ratio = of(({ fetched, own }) => own.microseconds / fetched.microseconds);
  return `| ${[
    load.name,
    concurrency,
    of(({ fetched }) => fetched.microseconds).median.toFixed(1),
    of(({ own }) => own.microseconds).median.toFixed(1),
    of(({ bare }) => bare.microseconds).median.toFixed(1),
    `**${ratio.median.toFixed(2)}×** (${ratio.least.toFixed(2)}–${ratio.greatest.toFixed(2)})`,
    of(({ fetched }) => fetched.perSecond).median.toFixed(0),
    of(({ own }) => own.perSecond).median.toFixed(0),
  ].join(" | ")} |`;
}

async function stretch(call: Call, concurrency: number, ms: number): Promise<Stretch> {
  const until = performance.now() + ms;
  let calls = 0;
  const caller = async (): Promise<void> => {
    while (performance.now() < until) {
      await call();
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

function callOf({ call }: Upstream, { body, streams }: Load, url: string): Call {
  const headers = { authorization: "Bearer sk-bench", "content-type": "application/json" };
  return async () => {
    const abort = new AbortController();
    const answer = await call({ method: "POST", url, headers, body }, abort.signal);
    const response = answer instanceof Response ? vendorResponseOf(answer) : answer;
    const length = streams ? await readPieces(response) : ((await response.bytes(1_000_000))?.length ?? 0);
    if (response.status !== 200 || length < 100) throw new Error(`a wrong answer: ${response.status}`);
  };
}

async function readPieces(response: VendorResponse): Promise<number> {
  let length = 0;
  for (;;) {
    const bytes = await nextOf(response);
    if (bytes === null) return length;
    length += bytes.length;
  }
}

function bareCallOf(sockets: BareSockets, { body, streams }: Load, url: string): Call {
  const { host, pathname } = new URL(url);
  const head = `POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer sk-bench\r\n`;
  const request = `${head}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  const end = Buffer.from(streams ? "0\r\n\r\n" : "}}");
  const isLast = (bytes: Buffer): boolean => {
    const from = bytes.length - end.length;
    return bytes.indexOf(end, Math.max(0, from)) === from || (!streams && bytes.includes("}}"));
  };
  return () => sockets.call(request, isLast);
}
