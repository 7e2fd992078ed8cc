import { describe, expect, test } from "bun:test";
import { UNSENT_BYTES } from "../core/limits.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { jsonCodec } from "./codec.ts";
import { CLOSE, closeSocket, Outlet, type Socket } from "./outlet.ts";

/** A socket that writes down what leaves it, and in which write; it serves this many generations. */
function socketWith(runningCount: number) {
  const writes: string[][] = [];
  let corked: string[] | undefined;
  const written = {
    writes,
    unsent: 0,
    closed: undefined as number | undefined,
    ws: {
      data: {
        codec: jsonCodec,
        key: { secret: "sk-acme", sockets: new Set() },
        session: { runningCount },
        isBlocked: false,
        wasBlocked: false,
        waiting: undefined,
      },
      get readyState() {
        return written.closed === undefined ? WebSocket.OPEN : WebSocket.CLOSED;
      },
      sendText(text: string) {
        if (corked === undefined) writes.push([text]);
        else corked.push(text);
        return text.length;
      },
      cork(run: (ws: Socket) => void) {
        corked = [];
        run(ws);
        if (corked.length > 0) writes.push(corked);
        corked = undefined;
      },
      getBufferedAmount: () => written.unsent,
      close(code: number) {
        written.closed = code;
      },
    },
  };
  // All of a socket that an outlet touches.
  const ws = written.ws as unknown as Socket;
  return Object.assign(written, { socket: ws });
}

const pong = (t: number | string) => ({ type: "pong", t }) as const;
const text = (t: number | string): string => String(jsonCodec.encode(pong(t)));

describe("what several streams of a socket say in one turn", () => {
  test("leaves together when the turn ends, in order, each frame as a message of its own", async () => {
    const clock = new ManualClock();
    const outlet = new Outlet(clock);
    const one = socketWith(2);
    const other = socketWith(3);
    for (const t of [1, 2, 3]) expect(outlet.send(one.socket, pong(t))).toBe(true);
    outlet.send(other.socket, pong(4));
    expect(one.writes).toEqual([]);
    await clock.advance(0);
    expect(one.writes).toEqual([[text(1), text(2), text(3)]]);
    expect(other.writes).toEqual([[text(4)]]);
    outlet.send(one.socket, pong(5));
    await clock.advance(0);
    expect(one.writes).toHaveLength(2);
  });

  test("is never more than 32 frames, nor held for a long one", async () => {
    const clock = new ManualClock();
    const outlet = new Outlet(clock);
    const { socket, writes } = socketWith(2);
    for (let t = 1; t <= 33; t += 1) outlet.send(socket, pong(t));
    expect(writes.map(({ length }) => length)).toEqual([32]);
    outlet.send(socket, pong("x".repeat(5_000)));
    expect(writes.map(({ length }) => length)).toEqual([32, 2]);
    await clock.advance(0);
    expect(writes).toHaveLength(2);
  });

  test("leaves before the socket is closed, and not after", async () => {
    const clock = new ManualClock();
    const outlet = new Outlet(clock);
    const { socket, writes } = socketWith(2);
    outlet.send(socket, pong(1));
    closeSocket(socket, CLOSE.goingAway);
    expect(writes).toEqual([[text(1)]]);
    expect(outlet.send(socket, pong(2))).toBe(false);
    const left = socketWith(2);
    outlet.send(left.socket, pong(1));
    left.closed = 1006;
    await clock.advance(0);
    expect(left.writes).toEqual([]);
  });

  test("blocks the socket when Bun could not write all of it, and ends it beyond 1 MiB", async () => {
    const clock = new ManualClock();
    const outlet = new Outlet(clock);
    const slow = socketWith(2);
    slow.unsent = 1;
    outlet.send(slow.socket, pong(1));
    await clock.advance(0);
    expect(slow.socket.data.isBlocked).toBe(true);
    expect(slow.closed).toBeUndefined();
    slow.unsent = UNSENT_BYTES + 1;
    outlet.send(slow.socket, pong(2));
    await clock.advance(0);
    expect(slow.closed).toBe(CLOSE.tooSlow);
  });
});

test("what one stream is behind with leaves together, too", async () => {
  const clock = new ManualClock();
  const outlet = new Outlet(clock);
  const { socket, writes } = socketWith(1);
  outlet.send(socket, pong(1), true);
  outlet.send(socket, pong(2), true);
  outlet.send(socket, pong(3), false);
  await clock.advance(0);
  expect(writes).toEqual([[text(1), text(2), text(3)]]);
});

test("a stream alone waits for nobody, unless others' frames wait already", async () => {
  const clock = new ManualClock();
  const outlet = new Outlet(clock);
  const { socket, writes } = socketWith(1);
  outlet.send(socket, pong(1));
  expect(writes).toEqual([[text(1)]]);
  socket.data.waiting = [text(2)];
  outlet.send(socket, pong(3));
  expect(writes).toHaveLength(1);
  closeSocket(socket, CLOSE.goingAway);
  expect(writes).toEqual([[text(1)], [text(2), text(3)]]);
});
