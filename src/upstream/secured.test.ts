import { afterEach, expect, test } from "bun:test";
import { createServer, type TLSSocket } from "node:tls";
import type { CallStage } from "../adapters/adapter.ts";
import { systemClock } from "../core/clock.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { nextOf } from "../core/poll.ts";
import { PICTURES_EXAMPLE } from "../outbound/testing/certificate.ts";
import { CONNECT_MS } from "./limits.ts";
import { ask, callTo, failure, textOf } from "./testing/calls.ts";
import { LOCALHOST } from "./testing/certificate.ts";
import { rawServer } from "./testing/raw-server.ts";
import { createUpstream, type UpstreamSettings } from "./upstream.ts";

const HELLO = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

function upstream(settings: Partial<UpstreamSettings> = {}) {
  const made = createUpstream({ clock: systemClock, authorities: LOCALHOST.cert, ...settings });
  closing.push(() => made.close());
  return made;
}

/** A server that knows HTTP/2 too, and remembers how its connections were made. */
async function securedServer(certificate = LOCALHOST, answer: (socket: TLSSocket) => void = hello) {
  const made: { protocol: string | false | null; name: unknown; isResumed: boolean }[] = [];
  let received = "";
  const server = createServer({ ...certificate, ALPNProtocols: ["h2", "http/1.1"] }, (socket) => {
    const { alpnProtocol, servername } = socket as TLSSocket & { servername?: unknown }; // Node does not declare it
    made.push({ protocol: alpnProtocol, name: servername, isResumed: socket.isSessionReused() });
    socket.on("data", (bytes) => {
      received += bytes.toString();
      answer(socket);
    });
    socket.on("error", () => {}); // the client went, which some tests want
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => server.close());
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { port, made, received: () => received };
}

const hello = (socket: TLSSocket): void => void socket.write(HELLO);

test("a server with a trusted certificate is called by its name, in HTTP/1.1, and its session is used again", async () => {
  const { port, made } = await securedServer(LOCALHOST, (socket) => socket.end(HELLO));
  const { call } = upstream();
  const url = `https://localhost:${port}/v1`;
  const stages: CallStage[] = [];
  for (let time = 0; time < 3; time += 1) {
    expect(await textOf(await ask(call, callTo(url), undefined, stages))).toBe("hello");
    await Bun.sleep(5); // the server's farewell
  }
  expect(stages).toEqual([1, 2, 3].flatMap(() => ["connecting", "connected", "sent"] as const));
  expect(made.map(({ protocol, name }) => [protocol, name])).toEqual(
    made.map(() => ["http/1.1", "localhost"]),
  );
  expect(made.map(({ isResumed }) => isResumed)).toEqual([false, true, true]);
});

test("calls share a secured connection", async () => {
  const { port, made } = await securedServer();
  const { call } = upstream();
  for (let time = 0; time < 3; time += 1) {
    expect(await textOf(await ask(call, callTo(`https://localhost:${port}/`)))).toBe("hello");
  }
  expect(made).toHaveLength(1);
});

test("a large body is the same bytes over TLS, both ways", async () => {
  const bytes = Buffer.alloc(5 * 1024 * 1024, "0123456789abcdefghij!");
  const web = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: LOCALHOST,
    fetch: async (request) => new Response(await request.bytes()),
  });
  closing.push(() => void web.stop(true));
  const { call } = upstream();
  const url = `https://localhost:${web.port}/`;
  const whole = await (await ask(call, callTo(url, { body: bytes }))).bytes(bytes.length);
  expect(bytes.equals(whole ?? new Uint8Array())).toBe(true);
  expect((await textOf(await ask(call, callTo(url, { body: bytes })))) === bytes.toString()).toBe(true);
});

test.each([
  ["that nobody vouches for", LOCALHOST, undefined, "DEPTH_ZERO_SELF_SIGNED_CERT"],
  ["of another name", PICTURES_EXAMPLE, PICTURES_EXAMPLE.cert, "ERR_TLS_CERT_ALTNAME_INVALID"],
])("a server with a certificate %s gets no request", async (_, certificate, authorities, code) => {
  const { port, received } = await securedServer(certificate);
  const made = createUpstream({ clock: systemClock, ...(authorities === undefined ? {} : { authorities }) });
  closing.push(() => made.close());
  expect(await failure(ask(made.call, callTo(`https://localhost:${port}/`)))).toBe(code);
  expect(made.stats()).toEqual({ connections: 0, idle: 0 });
  expect(received()).toBe("");
});

test("a server that speaks no TLS gets no request", async () => {
  const made = rawServer(
    () => {},
    (peer) => peer.send("HTTP/1.1 400 Bad Request\r\n\r\n"),
  );
  closing.push(() => made[Symbol.dispose]());
  const { call, stats } = upstream();
  expect(await failure(ask(call, callTo(`https://localhost:${made.port}/`)))).not.toBe("no failure");
  expect(stats()).toEqual({ connections: 0, idle: 0 });
  expect(made.requests).toEqual([]);
});

test("a call that waits for its connection can be aborted at once; what never stands is closed", async () => {
  const clock = new ManualClock();
  const silent = rawServer(() => {});
  closing.push(() => silent[Symbol.dispose]());
  const { call, stats } = upstream({ clock });
  const stages: CallStage[] = [];
  const abort = new AbortController();
  const calling = failure(ask(call, callTo(`https://localhost:${silent.port}/`), abort.signal, stages));
  while (silent.accepted === 0) await Bun.sleep(1);
  abort.abort();
  expect(await calling).toBe("AbortError");
  expect(stages).toEqual(["connecting"]);
  expect(stats()).toEqual({ connections: 1, idle: 0 });
  await clock.advance(CONNECT_MS + 1_000);
  expect(stats()).toEqual({ connections: 0, idle: 0 });
  for (const peer of silent.peers) await peer.gone;
});

test("a connection that stands too late for its call is there for the next", async () => {
  const { port, made } = await securedServer();
  const { call, stats } = upstream();
  const abort = new AbortController();
  const calling = failure(ask(call, callTo(`https://localhost:${port}/`), abort.signal));
  abort.abort();
  expect(await calling).toBe("AbortError");
  while (stats()?.idle === 0) await Bun.sleep(1);
  expect(await textOf(await ask(call, callTo(`https://localhost:${port}/`)))).toBe("hello");
  expect(made).toHaveLength(1);
});

test("an abort within an answer reaches a secured server", async () => {
  const gone = Promise.withResolvers<void>();
  const { port } = await securedServer(LOCALHOST, (socket) => {
    socket.on("close", () => gone.resolve());
    socket.write(HELLO.slice(0, -1));
  });
  const abort = new AbortController();
  const response = await ask(upstream().call, callTo(`https://localhost:${port}/`), abort.signal);
  expect(await nextOf(response)).not.toBeNull();
  abort.abort();
  await gone.promise;
});

test("a reader that rests holds a secured vendor back", async () => {
  const total = 64 * 1024 * 1024;
  const piece = Buffer.alloc(64 * 1024, "x");
  let sent = 0;
  let isBegun = false;
  const { port } = await securedServer(LOCALHOST, (socket) => {
    if (isBegun) return;
    isBegun = true;
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${total}\r\n\r\n`);
    const pump = (): void => {
      while (sent < total) {
        sent += piece.length;
        if (!socket.write(piece)) return;
      }
    };
    socket.on("drain", pump);
    pump();
  });
  const response = await ask(upstream().call, callTo(`https://localhost:${port}/`));
  let before = -1;
  while (before !== sent) {
    before = sent;
    await Bun.sleep(50);
  }
  expect(sent).toBeLessThan(total / 2);
  let read = 0;
  for (let bytes = await nextOf(response); bytes !== null; bytes = await nextOf(response))
    read += bytes.length;
  expect(read).toBe(total);
});
