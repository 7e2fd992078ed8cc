import type { Socket } from "bun";
import { chatBody } from "./load/plan.ts";
import { usageOfProcess } from "./process-usage.ts";
import type { Target } from "./target.ts";

/** What a process grows by for each of so many, garbage and what the allocator keeps included. KiB. */
export interface MemoryEach {
  readonly what: string;
  readonly count: number;
  readonly kibibytes: number;
}

/** Two tokens a second: it runs for as long as is looked. */
export const SLOW_MODEL = "bench-600-at-2";
const WEBSOCKETS = 2_000;
const STREAMS = 500;
/** Opened before anything is looked at, so that what is loaded once is not counted as theirs. */
const WARM_UP = 100;
const AT_ONCE = 50;
const SETTLE_MS = 3_000;

/**
 * Memory of one idle authenticated WebSocket and of one running stream, in a gateway that is started for it: what is left
 * of a load would hide it. `bench:sockets` and `bench:streams` look closer.
 */
export async function measureMemory(
  start: () => Promise<Target>,
  isQuick: boolean,
): Promise<readonly MemoryEach[]> {
  const gateway = await start();
  try {
    return await measureIn(gateway, isQuick);
  } finally {
    await gateway.stop();
  }
}

async function measureIn(gateway: Target, isQuick: boolean): Promise<readonly MemoryEach[]> {
  const part = isQuick ? 0.1 : 1;
  const body = JSON.stringify({ ...chatBody(SLOW_MODEL, true), max_tokens: 600 });
  const stream = requestOf(gateway, "POST", gateway.path ?? "/v1/chat/completions", body, {
    "content-type": "application/json",
  });
  const upgrade = requestOf(gateway, "GET", "/v1/ws", "", {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  });
  const kinds = [
    ...(gateway.hasWebSocket ? [{ what: "idle WebSocket", request: upgrade, count: WEBSOCKETS * part }] : []),
    { what: "running stream", request: stream, count: STREAMS * part },
  ];
  const measured: MemoryEach[] = [];
  for (const { what, request, count } of kinds) {
    const warm = await open(gateway, request, WARM_UP);
    await Bun.sleep(SETTLE_MS);
    const before = usageOfProcess(gateway.pid).residentBytes;
    const sockets = await open(gateway, request, count);
    await Bun.sleep(SETTLE_MS);
    const after = usageOfProcess(gateway.pid).residentBytes;
    measured.push({ what, count, kibibytes: (after - before) / 1024 / count });
    for (const socket of [...warm, ...sockets]) socket.terminate();
    await Bun.sleep(SETTLE_MS);
  }
  return measured;
}

function requestOf(
  { url, key, headers = {} }: Target,
  method: string,
  path: string,
  body: string,
  further: Readonly<Record<string, string>>,
): string {
  const all = {
    host: new URL(url).host,
    authorization: `Bearer ${key}`,
    ...headers,
    ...further,
    ...(body === "" ? {} : { "content-length": String(Buffer.byteLength(body)) }),
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}

/** Each has been answered something when this resolves. */
async function open({ url }: Target, request: string, count: number): Promise<readonly Socket[]> {
  const { hostname, port } = new URL(url);
  const one = (): Promise<Socket> =>
    new Promise((resolve, reject) => {
      Bun.connect({
        hostname,
        port: Number(port),
        socket: {
          open: (socket) => void socket.write(request),
          data: (socket) => resolve(socket),
          close: () => reject(new Error("a connection was closed")),
        },
      }).catch(reject);
    });
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const more = Math.min(AT_ONCE, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: more }, one))));
  }
  return sockets;
}
