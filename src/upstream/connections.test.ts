import { afterEach, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import type { CallStage } from "../adapters/adapter.ts";
import { systemClock } from "../core/clock.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { nextOf } from "../core/poll.ts";
import { MAX_IDLE_PER_ORIGIN, PAUSE_BYTES } from "./limits.ts";
import { ask, callTo, failure, textOf } from "./testing/calls.ts";
import { type Peer, rawServer } from "./testing/raw-server.ts";
import { createUpstream, type UpstreamSettings } from "./upstream.ts";

const HELLO = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

function upstream(settings: Partial<UpstreamSettings> = {}) {
  const made = createUpstream({ clock: systemClock, ...settings });
  closing.push(() => made.close());
  return made;
}

function server(answer: (peer: Peer, request: string) => void, unasked?: (peer: Peer) => void) {
  const made = rawServer(answer, unasked);
  closing.push(() => made[Symbol.dispose]());
  return made;
}

/** Until what the other end of a socket does has been seen here. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await Bun.sleep(1);
}

/** Sockets in TIME_WAIT from or to a port; none where only Linux could tell. */
function waitingToBeForgotten(port: number): number {
  if (!existsSync("/proc/net/tcp")) return 0;
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = readFileSync("/proc/net/tcp", "utf8").split("\n");
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, from, to, state]) => state === "06" && (from?.endsWith(suffix) || to?.endsWith(suffix)))
    .length;
}

test("calls that follow each other share a connection", async () => {
  const { url, ...rest } = server((peer) => peer.send(HELLO));
  const { call, stats } = upstream();
  const stages: CallStage[] = [];
  for (let time = 0; time < 3; time += 1) {
    expect(await textOf(await ask(call, callTo(url), undefined, stages))).toBe("hello");
  }
  expect(rest.peers.size).toBe(1);
  expect(stats()).toEqual({ connections: 1, idle: 1 });
  expect(stages).toEqual(["connecting", "connected", "sent", "sent", "sent"]);
});

test("a thousand calls at once take a thousand connections at most, and the next thousand open none", async () => {
  const waiting: Peer[] = [];
  const made = server((peer) => void waiting.push(peer));
  const { call, stats } = upstream();
  for (let wave = 0; wave < 3; wave += 1) {
    const calls = Array.from({ length: 1_000 }, async () => textOf(await ask(call, callTo(made.url))));
    await until(() => waiting.length === 1_000);
    for (const peer of waiting.splice(0)) peer.send(HELLO);
    expect(new Set(await Promise.all(calls))).toEqual(new Set(["hello"]));
    expect(made.accepted).toBe(1_000);
    expect(stats()).toEqual({ connections: 1_000, idle: 1_000 });
  }
  expect(waitingToBeForgotten(made.port)).toBe(0);
});

test("the connection that was used last is used first, and the others are closed when they are old", async () => {
  const clock = new ManualClock();
  const waiting: Peer[] = [];
  const { url, peers } = server((peer) => void waiting.push(peer));
  const { call, stats } = upstream({ clock });
  const calls = Array.from({ length: 3 }, () => ask(call, callTo(url)).then(textOf));
  await until(() => waiting.length === 3);
  for (const peer of waiting.splice(0)) peer.send(HELLO);
  await Promise.all(calls);
  for (let time = 0; time < 8; time += 1) {
    await clock.advance(10_000);
    const next = ask(call, callTo(url)).then(textOf);
    await until(() => waiting.length === 1);
    waiting.pop()?.send(HELLO);
    await next;
  }
  await until(() => peers.size === 1);
  expect([...peers][0]?.count).toBe(9);
  await clock.advance(60_000);
  await until(() => peers.size === 0);
  expect(stats()).toEqual({ connections: 0, idle: 0 });
});

test("a server that says how long it keeps a connection is believed", async () => {
  const clock = new ManualClock();
  const made = server((peer) =>
    peer.send(HELLO.replace("\r\n\r\n", "\r\nkeep-alive: timeout=5, max=9\r\n\r\n")),
  );
  const { call } = upstream({ clock });
  await textOf(await ask(call, callTo(made.url)));
  await clock.advance(3_900);
  await textOf(await ask(call, callTo(made.url)));
  expect(made.accepted).toBe(1);
  await clock.advance(4_000);
  await textOf(await ask(call, callTo(made.url)));
  expect(made.accepted).toBe(2);
});

test("a server that was seen to close an unused connection is not given the time to do it again", async () => {
  const clock = new ManualClock();
  const made = server((peer) => peer.send(HELLO));
  const { call, stats } = upstream({ clock });
  await textOf(await ask(call, callTo(made.url)));
  await clock.advance(5_000);
  for (const peer of made.peers) peer.close();
  await until(() => stats()?.connections === 0);
  await textOf(await ask(call, callTo(made.url)));
  await clock.advance(3_900);
  expect(stats()).toEqual({ connections: 1, idle: 1 });
  await clock.advance(2_000);
  expect(stats()).toEqual({ connections: 0, idle: 0 });
});

test("no more connections are kept unused than the bound", async () => {
  const waiting: Peer[] = [];
  const made = server((peer) => void waiting.push(peer));
  const { call, stats } = upstream();
  const count = MAX_IDLE_PER_ORIGIN + 50;
  const calls = Array.from({ length: count }, () => ask(call, callTo(made.url)).then(textOf));
  await until(() => waiting.length === count);
  for (const peer of waiting) peer.send(HELLO);
  await Promise.all(calls);
  expect(stats()).toEqual({ connections: MAX_IDLE_PER_ORIGIN, idle: MAX_IDLE_PER_ORIGIN });
});

test("beyond all connections unused ones make room, and then calls fail at once", async () => {
  const first = server((peer) => peer.send(HELLO));
  const second = server(() => {});
  const { call, stats } = upstream({ maxConnections: 2 });
  await textOf(await ask(call, callTo(first.url)));
  const abort = new AbortController();
  const held = [1, 2].map(() => failure(ask(call, callTo(second.url), abort.signal)));
  await until(() => second.requests.length === 2);
  expect(stats()).toEqual({ connections: 2, idle: 0 });
  expect(await failure(ask(call, callTo(first.url)))).toBe("too_many_connections");
  abort.abort();
  expect(await Promise.all(held)).toEqual(["AbortError", "AbortError"]);
  expect(await textOf(await ask(call, callTo(first.url)))).toBe("hello");
});

test.each([
  ["bytes behind an answer", `${HELLO}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil`, "hello"],
  ["connection: close", HELLO.replace("\r\n\r\n", "\r\nConnection: Close\r\n\r\n"), "hello"],
  ["HTTP/1.0", HELLO.replace("1.1", "1.0"), "hello"],
  ["a body where none may be", "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n", ""],
  [
    "a chunked body that goes wrong",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx",
    "!malformed_answer",
  ],
])("a connection with %s is not used again", async (_, answer, text) => {
  let isFirst = true;
  const made = server((peer) => {
    peer.send(isFirst ? answer : HELLO);
    isFirst = false;
  });
  const { call, stats } = upstream();
  expect(await textOf(await ask(call, callTo(made.url)))).toBe(text);
  expect(stats()).toEqual({ connections: 0, idle: 0 });
  expect(await textOf(await ask(call, callTo(made.url)))).toBe("hello");
  expect(made.accepted).toBe(2);
});

test("what comes unasked on an unused connection closes it, and is nobody's answer", async () => {
  const made = server((peer) => peer.send(HELLO));
  const { call, stats } = upstream();
  await textOf(await ask(call, callTo(made.url)));
  for (const peer of made.peers) peer.send(HELLO.replace("hello", "EVIL!"));
  await until(() => stats()?.connections === 0);
  expect(await textOf(await ask(call, callTo(made.url)))).toBe("hello");
});

test("an early answer ends a request that is still being sent, and its connection", async () => {
  const made = server(
    () => {},
    (peer) => peer.send("HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig"),
  );
  const { call, stats } = upstream();
  const response = await ask(call, callTo(made.url, { body: "x".repeat(64 * 1024 * 1024) }));
  expect([response.status, await textOf(response)]).toEqual([413, "big"]);
  expect(stats()).toEqual({ connections: 0, idle: 0 });
});

test("a reader that rests holds its vendor back, and the bytes waiting for it are bounded", async () => {
  const total = 64 * 1024 * 1024;
  let sent = 0;
  const piece = new Uint8Array(64 * 1024).fill(120);
  const pump = (socket: { write(bytes: Uint8Array): number }): void => {
    while (sent < total) {
      const written = socket.write(piece.subarray(0, Math.min(piece.length, total - sent)));
      if (written <= 0) return;
      sent += written;
    }
  };
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket) {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${total}\r\n\r\n`);
        pump(socket);
      },
      drain: pump,
    },
  });
  closing.push(() => listener.stop(true));
  const { call, stats } = upstream();
  const response = await ask(call, callTo(`http://127.0.0.1:${listener.port}/`));
  let before = -1;
  while (before !== sent) {
    before = sent;
    await Bun.sleep(50);
  }
  expect(sent).toBeLessThan(total / 2);
  expect(sent).toBeGreaterThan(PAUSE_BYTES);
  let read = 0;
  for (let bytes = await nextOf(response); bytes !== null; bytes = await nextOf(response))
    read += bytes.length;
  expect(read).toBe(total);
  expect(stats()).toEqual({ connections: 1, idle: 1 });
});

test("what came together with a reset is read before the error", async () => {
  const made = server(async (peer) => {
    peer.send("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello");
    peer.reset();
  });
  const response = await ask(upstream().call, callTo(made.url));
  expect(await textOf(response)).toBe("hello!ECONNRESET");
});

test("a request with a field that could smuggle another is not sent", async () => {
  const made = server((peer) => peer.send(HELLO));
  const { call } = upstream();
  for (const headers of [
    { authorization: "Bearer a\r\nx-evil: 1" },
    { "x\r\ny": "1" },
    { "transfer-encoding": "chunked" },
    { "Content-Length": "1" },
    { host: "elsewhere" },
    { "x-umlaut": "ü" },
  ] as Record<string, string>[]) {
    expect(await failure(ask(call, callTo(made.url, { headers })))).toBe("invalid_call");
  }
  for (const url of ["ftp://127.0.0.1/", "nonsense", "http://user@127.0.0.1/"]) {
    expect(await failure(ask(call, callTo(url)))).toBe("invalid_call");
  }
  expect(made.accepted).toBe(0);
});

test("what a call says of itself replaces what is said by default", async () => {
  const made = server((peer) => peer.send(HELLO));
  const { call } = upstream();
  await ask(call, callTo(made.url, { headers: { Accept: "text/event-stream", "User-Agent": "me" } }));
  const head = made.requests[0] ?? "";
  expect(head.match(/^accept: /gim)).toEqual(["Accept: "]);
  expect(head.match(/^user-agent: .*$/gim)).toEqual(["User-Agent: me"]);
  expect(head).toContain("\r\naccept-encoding: identity\r\n");
});

test("closing ends what runs, what waits and what is unused", async () => {
  const made = server((peer, request) =>
    peer.send(request.includes("/v1/ends") ? HELLO : HELLO.slice(0, -1)),
  );
  const { call, close, stats } = upstream();
  await textOf(await ask(call, callTo(`${made.url}/ends`)));
  const running = await ask(call, callTo(made.url));
  const waiting = failure(ask(call, callTo(made.url)));
  close();
  expect(await textOf(running)).toBe("hell!upstream_closed");
  expect(await waiting).toBe("upstream_closed");
  expect(await failure(ask(call, callTo(made.url)))).toBe("upstream_closed");
  expect(stats()).toEqual({ connections: 0, idle: 0 });
  await until(() => made.peers.size === 0);
});
