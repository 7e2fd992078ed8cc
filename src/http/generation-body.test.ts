import { afterEach, describe, expect, test } from "bun:test";
import { ScriptedGeneration } from "../gateway/testing/scripted-generation.ts";
import { generationBody, type StreamFrames } from "./generation-body.ts";

/** Each text as a line. */
const LINES: StreamFrames = {
  of: ({ events }) => {
    const texts = events.flatMap((event) => (event.type === "text" ? [event.text] : []));
    return texts.length === 0 ? undefined : Buffer.from(`${texts.join("")}\n`);
  },
  end: ({ outcome }) => Buffer.from(`${outcome}.`),
};

const servers: Bun.Server<undefined>[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop(true)));
});

function served(generation: ScriptedGeneration, frames: StreamFrames = LINES): URL {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch: () => new Response(generationBody(generation, frames)),
  });
  servers.push(server);
  return server.url;
}

const until = async (isSo: () => boolean): Promise<void> => {
  for (let tries = 0; !isSo() && tries < 500; tries += 1) await Bun.sleep(10);
  expect(isSo()).toBe(true);
};

describe("the body of a generation", () => {
  test("is what its dialect makes of the passages, what stands before them and the end", async () => {
    const generation = new ScriptedGeneration("whole").say("one", "two").end();
    const answer = await fetch(served(generation, { ...LINES, begin: () => Buffer.from("begin\n") }));
    expect(await answer.text()).toBe("begin\none\ntwo\ncompleted.");
  });

  test("goes out as it comes, and may take its time for the end", async () => {
    const generation = new ScriptedGeneration("slow").say("one");
    const end = async () => {
      await Bun.sleep(1);
      return Buffer.from("later");
    };
    const { body } = await fetch(served(generation, { ...LINES, end }));
    const reader = body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe("one\n");
    generation.say("two");
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe("two\n");
    generation.end();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe("later");
    expect((await reader?.read())?.done).toBe(true);
  });

  test("can be read here as well, as it comes", async () => {
    const generation = new ScriptedGeneration("here").say("one");
    const reader = generationBody(generation, LINES).getReader();
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("one\n");
    const next = reader.read();
    generation.say("two");
    expect(Buffer.from((await next).value ?? []).toString()).toBe("two\n");
    await reader.cancel();
    expect(generation.isCancelled).toBe(true);
  });

  test("is read only as fast as its client reads, and whole in the end", async () => {
    const PIECES = 2_000;
    const generation = new ScriptedGeneration("backpressure");
    const piece = "x".repeat(16_383);
    for (let said = 0; said < PIECES; said += 1) generation.say(piece);
    generation.end();
    const url = served(generation);
    let got = 0;
    let last = "";
    const ended = Promise.withResolvers<void>();
    const socket = await Bun.connect({
      hostname: url.hostname,
      port: Number(url.port),
      socket: {
        open: (opened) => void opened.write("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
        data(opened, bytes) {
          if (got === 0) opened.pause();
          got += bytes.length;
          last = bytes.subarray(-32).toString("latin1");
        },
        close: () => ended.resolve(),
      },
    });
    let before = -1;
    while (generation.pulled !== before) {
      before = generation.pulled;
      await Bun.sleep(100);
    }
    expect(generation.pulled).toBeLessThan(PIECES / 2);
    socket.resume();
    await ended.promise;
    expect(got).toBeGreaterThan(PIECES * 16_384);
    expect(last).toContain("completed.");
  });

  test("stops the generation when its client leaves, be it while it is behind", async () => {
    for (const pieces of [1, 4_000]) {
      const generation = new ScriptedGeneration("left");
      for (let said = 0; said < pieces; said += 1) generation.say("x".repeat(16_383));
      const url = served(generation);
      const socket = await Bun.connect({
        hostname: url.hostname,
        port: Number(url.port),
        socket: {
          open: (opened) => void opened.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n"),
          data: (opened) => void opened.pause(),
        },
      });
      await until(() => generation.pulled > 0);
      socket.terminate();
      await until(() => generation.isCancelled);
    }
  });

  test("closes the connection of a client that reads nothing for too long, and of none that reads slowly", async () => {
    const generation = new ScriptedGeneration("stalled");
    for (let said = 0; said < 4_000; said += 1) generation.say("x".repeat(16_383));
    const url = served(generation);
    const closed = Promise.withResolvers<void>();
    let got = 0;
    const socket = await Bun.connect({
      hostname: url.hostname,
      port: Number(url.port),
      socket: {
        open: (opened) => void opened.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n"),
        data(opened, bytes) {
          got += bytes.length;
          opened.pause();
        },
        close: () => closed.resolve(),
        error: () => closed.resolve(),
      },
    });
    await until(() => generation.stalled !== undefined);
    const first = generation.stalled;
    // It reads on: that was called off, and the next wait is another one.
    while (generation.stalled === first) {
      socket.resume();
      await Bun.sleep(1);
    }
    await until(() => generation.stalled !== undefined);
    expect(generation.isCancelled).toBe(false);
    generation.stalled?.();
    await closed.promise;
    expect(generation.isCancelled).toBe(true);
    expect(got).toBeLessThan(4_000 * 16_384);
  });

  test("breaks off, and stops the generation, where the dialect could not go on", async () => {
    const generation = new ScriptedGeneration("broken").say("one", "two").end();
    const of = () => {
      throw new TypeError("a mistake");
    };
    const reading = new Response(generationBody(generation, { ...LINES, of })).text();
    expect(await reading.catch(String)).toContain("a mistake");
    expect(generation.isCancelled).toBe(true);
  });
});
