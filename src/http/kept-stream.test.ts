import { expect, test } from "bun:test";
import { KeepRoom } from "./keep-room.ts";
import { type KeptEnd, keptStream } from "./kept-stream.ts";

const END = ': sluice {"outcome":"completed","cost":"0.5"}\n\ndata: [DONE]\n\n';
const CUT = 'data: {"error":{}}\n\n: sluice {"outcome":"truncated","cost":"0"}\n\n';
const PAID_CUT = 'data: {"error":{}}\n\n: sluice {"outcome":"truncated","cost":"0.1"}\n\n';

/** The frames through a kept stream; what was kept when each of them arrived. */
async function run(frames: readonly string[], mostBytes = 1_000, leaveAfter = Number.POSITIVE_INFINITY) {
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const frame of frames) controller.enqueue(new TextEncoder().encode(frame));
      controller.close();
    },
  });
  const room = new KeepRoom(mostBytes, 10_000);
  const kept: string[] = [];
  const ended = Promise.withResolvers<void>();
  const keep = async (end: KeptEnd) => {
    await Bun.sleep(1);
    kept.push(typeof end === "string" ? end : new TextDecoder().decode(end));
    ended.resolve();
  };
  const stream = keptStream(source, room.open(), keep, () => () => {});
  const reader = stream.getReader();
  let seen = "";
  const keptAt: number[] = [];
  for (let read = 0; read < leaveAfter; read += 1) {
    const { value, done } = await reader.read();
    if (done) break;
    seen += new TextDecoder().decode(value);
    keptAt.push(kept.length);
  }
  if (leaveAfter < frames.length) await reader.cancel();
  await ended.promise;
  await Bun.sleep(0);
  expect(room.takenBytes).toBe(0);
  return { seen, kept, keptAt };
}

test("a stream is kept whole before its end leaves", async () => {
  const { seen, kept, keptAt } = await run(["data: 1\n\n", "data: 2\n\n", END]);
  expect([seen, kept]).toEqual([`data: 1\n\ndata: 2\n\n${END}`, [seen]]);
  expect(keptAt.at(-1)).toBe(1);
});

test("it is read to its end and kept although its client has left", async () => {
  const { kept } = await run(["data: 1\n\n", "data: 2\n\n", END], 1_000, 1);
  expect(kept).toEqual([`data: 1\n\ndata: 2\n\n${END}`]);
});

test("one that charged nothing is not kept, one that was charged is, with its true end", async () => {
  expect((await run(["data: 1\n\n", CUT])).kept).toEqual(["nothing"]);
  expect((await run(["data: 1\n\n", PAID_CUT])).kept).toEqual([`data: 1\n\n${PAID_CUT}`]);
  expect((await run(["data: 1\n\n"])).kept).toEqual(["broken"]);
});

test("one that is too large arrives, is not kept, and does not pass for one that cost nothing", async () => {
  const { seen, kept } = await run(["data: 1234567890\n\n", END], 20);
  expect([seen.length, kept]).toEqual([18 + END.length, ["too large"]]);
});

test("what a model says does not look like the charge", async () => {
  const said = 'data: {"content":": sluice {"}\n\n';
  expect((await run([said, END])).kept).toEqual([said + END]);
});

test("a client that reads nothing for too long is disconnected, and the answer is kept whole", async () => {
  const frame = `data: ${"x".repeat(16_376)}\n\n`;
  const FRAMES = 2_000;
  let pulled = 0;
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled += 1;
      controller.enqueue(new TextEncoder().encode(pulled > FRAMES ? END : frame));
      if (pulled > FRAMES) controller.close();
    },
  });
  const room = new KeepRoom(100_000_000, 100_000_000);
  const kept = Promise.withResolvers<KeptEnd>();
  const behind: { stalled?: (() => void) | undefined } = {};
  const stream = keptStream(
    source,
    room.open(),
    async (end) => kept.resolve(end),
    (run) => {
      behind.stalled = run;
      return () => {
        behind.stalled = undefined;
      };
    },
  );
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch: () => new Response(stream),
  });
  const closed = Promise.withResolvers<void>();
  await Bun.connect({
    hostname: "127.0.0.1",
    port: server.port ?? 0,
    socket: {
      open: (opened) => void opened.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n"),
      data: (opened) => void opened.pause(),
      close: () => closed.resolve(),
      error: () => closed.resolve(),
    },
  });
  let before = -1;
  while (before !== pulled || behind.stalled === undefined) {
    before = pulled;
    await Bun.sleep(50);
  }
  expect(pulled).toBeLessThan(FRAMES);
  behind.stalled?.();
  await closed.promise;
  const end = await kept.promise;
  expect(typeof end === "string" ? end : end.byteLength).toBe(FRAMES * 16_384 + END.length);
  await server.stop(true);
});
