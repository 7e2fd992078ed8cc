import { afterEach, expect, test } from "bun:test";
import { systemClock } from "../core/clock.ts";
import { ask, callTo, failure, textOf } from "./testing/calls.ts";
import { type Peer, type RawServer, rawServer } from "./testing/raw-server.ts";
import { createUpstream } from "./upstream.ts";

/** When a request whose connection is lost is sent a second time, and above all when not. */

const HELLO = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A server whose connections serve once; what the second request on one meets is the test's. */
function world(second: (peer: Peer) => void): {
  readonly made: RawServer;
  readonly call: ReturnType<typeof createUpstream>["call"];
} {
  const made = rawServer((peer) => (peer.count === 1 ? peer.send(HELLO) : second(peer)));
  const { call, close } = createUpstream({ clock: systemClock });
  closing.push(close, () => made[Symbol.dispose]());
  return { made, call };
}

test.each([
  ["closed", (peer: Peer) => peer.close()],
  ["reset", (peer: Peer) => peer.reset()],
])("a POST that was sent on a used connection is not sent again when that is %s", async (_, lose) => {
  const { made, call } = world(lose);
  await textOf(await ask(call, callTo(made.url)));
  expect(await failure(ask(call, callTo(made.url)))).not.toBe("no failure");
  expect(made.requests).toHaveLength(2);
});

test("a GET is sent once more, on another connection, and not a third time", async () => {
  const { made, call } = world((peer) => peer.close());
  const get = callTo(made.url, { method: "GET", body: "" });
  await textOf(await ask(call, get));
  expect(await textOf(await ask(call, get))).toBe("hello");
  expect([made.requests.length, made.accepted]).toEqual([3, 2]);

  const never = rawServer((peer) => peer.close());
  closing.push(() => never[Symbol.dispose]());
  expect(await failure(ask(call, callTo(never.url, { method: "GET", body: "" })))).toBe("connection_closed");
  expect(never.requests).toHaveLength(1);
});

test("nothing is sent again once something of an answer came", async () => {
  const { made, call } = world((peer) => {
    peer.send("HTTP/1.1 2");
    peer.close();
  });
  const get = callTo(made.url, { method: "GET", body: "" });
  await textOf(await ask(call, get));
  expect(await failure(ask(call, get))).toBe("connection_closed");
  expect(made.requests).toHaveLength(2);
});

test("a POST of which the server cannot have all is sent again", async () => {
  let isFirst = true;
  const heads: number[] = [];
  // Reads the beginning of a large request and closes, as a server does whose patience ends just then.
  const listener = Bun.listen<{ received: number; isRefusing: boolean }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { received: 0, isRefusing: false };
      },
      data(socket, bytes) {
        const { data } = socket;
        if (data.received === 0) heads.push(bytes.length);
        if (data.isRefusing) return void socket.terminate();
        data.received += bytes.length;
        if (isFirst) {
          isFirst = false;
          data.isRefusing = true;
          data.received = 0;
          socket.write(HELLO);
        } else if (data.received > BODY.length) socket.write(HELLO);
      },
    },
  });
  const BODY = "x".repeat(32 * 1024 * 1024);
  const { call, close } = createUpstream({ clock: systemClock });
  closing.push(close, () => listener.stop(true));
  const url = `http://127.0.0.1:${listener.port}/`;
  expect(await textOf(await ask(call, callTo(url)))).toBe("hello");
  expect(await textOf(await ask(call, callTo(url, { body: BODY })))).toBe("hello");
  expect(heads).toHaveLength(3);
});

test("a server that closes each unused connection just as it is used again loses no call that it did not have", async () => {
  const made = rawServer((peer) => {
    peer.send(HELLO);
    peer.close();
  });
  const { call, close } = createUpstream({ clock: systemClock });
  closing.push(close, () => made[Symbol.dispose]());
  let served = 0;
  for (let time = 0; time < 300; time += 1) {
    const result = await ask(call, callTo(made.url)).then(textOf, () => "lost");
    if (result === "hello") served += 1;
    if (time % 3 === 0) await Bun.sleep(0);
  }
  // What was served was served once: no request is in the server's books twice.
  expect(made.requests.length).toBeLessThanOrEqual(300);
  expect(served).toBe(made.requests.length);
});
