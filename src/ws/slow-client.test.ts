import { afterEach, beforeEach, expect, test } from "bun:test";
import { ScriptedGeneration } from "../gateway/testing/scripted-generation.ts";
import { type Client, connect, textOf } from "./testing/client.ts";
import { startServer } from "./testing/server.ts";

/** Short enough to wait for the end of a turn. */
const PIECE = "x".repeat(4_000);

let server: ReturnType<typeof startServer>;
beforeEach(() => {
  server = startServer();
});
afterEach(() => server.stop());

/** Bun's client can stop reading, which the WebSocket type of the DOM does not know. */
interface Pausable {
  pause(): void;
  resume(): void;
}
const pausable = (client: Client): Pausable => client.ws as WebSocket & Pausable;

/** A few turns of the event loop: network, streams and frames in between. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * A client that does not read, and a generation that has told as much as anybody will take in.
 * @param beside generations that run on the same socket and say nothing: frames then wait for the end of a turn
 */
async function startUnread(beside = 0) {
  const client = await connect(server.url);
  for (let count = 0; count < beside; count += 1) {
    client.generate(`silent${count}`);
    await client.until("started");
  }
  const generation = new ScriptedGeneration("s");
  server.gateway.script = () => generation;
  client.generate("a");
  const [started] = await client.until("started");
  pausable(client).pause();
  let told = 0;
  while (generation.pulled === told) {
    generation.say(PIECE);
    told += 1;
    await turns();
  }
  return { client, generation, told, stream: started?.stream };
}

test.each([0, 1])("a client that does not read holds its vendor back, with %d beside it", async (beside) => {
  const { client, generation, told } = await startUnread(beside);
  generation.say(PIECE, PIECE).end();
  await turns();
  expect(generation.pulled).toBeLessThan(told);
  pausable(client).resume();
  expect(textOf(await client.until("done"))).toHaveLength((told + 2) * PIECE.length);
});

test.each([0, 1])(
  "with more than 1 MiB unsent for a second it is closed with 1013 and can be resumed, with %d beside it",
  async (beside) => {
    const { client, generation, told, stream } = await startUnread(beside);
    await server.clock.advance(2_000);
    expect(server.sockets.stats()).toEqual({ sockets: 0 });
    pausable(client).resume();
    expect((await client.closed).code).toBe(1013);
    expect(generation.isCancelled).toBe(false);
    const last = client.received.findLast((frame) => frame.type === "delta")?.seq ?? 0;
    expect(last).toBeLessThan(told);

    const again = await connect(server.url);
    again.send({ type: "resume", id: "b", stream, after: last });
    generation.end();
    const frames = await again.until("done");
    expect(frames.slice(1).map(({ seq }) => seq)).toEqual(
      Array.from({ length: told + 1 - last }, (_, index) => last + 1 + index),
    );
    expect(textOf(client.received) + textOf(frames)).toHaveLength(told * PIECE.length);
  },
);

test("one that reads on in time is not closed", async () => {
  const { client, generation } = await startUnread();
  await server.clock.advance(900);
  pausable(client).resume();
  generation.end();
  await client.until("done");
  await server.clock.advance(5_000);
  await client.settled();
});

test("other sockets go on while one does not read", async () => {
  await startUnread();
  server.gateway.script = () => new ScriptedGeneration("t").say("quick").end();
  const other = await connect(server.url);
  other.generate("a");
  expect(textOf(await other.until("done"))).toBe("quick");
});

test("a client that only sends and never reads is closed, too", async () => {
  const client = await connect(server.url);
  pausable(client).pause();
  const ping = JSON.stringify({ type: "ping", t: "x".repeat(128) });
  while (server.sockets.stats().sockets > 0) {
    for (let count = 0; count < 1_000; count += 1) client.send(ping);
    await new Promise((resolve) => setImmediate(resolve));
  }
  pausable(client).resume();
  expect((await client.closed).code).toBe(1013);
});
