import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ScriptedGeneration } from "../gateway/testing/scripted-generation.ts";
import { connect, textOf } from "./testing/client.ts";
import { startServer } from "./testing/server.ts";

let server: ReturnType<typeof startServer>;
beforeEach(() => {
  server = startServer();
});
afterEach(() => server.stop());

/** The generation that the gateway was asked for as the nth; it must have begun. */
function generation(index = 0): ScriptedGeneration {
  const found = server.gateway.generations[index];
  if (found === undefined) throw new Error(`no generation ${index} was begun`);
  return found;
}

/** Every next generation says these texts and ends. */
function answerWith(...texts: string[]): void {
  let count = 0;
  server.gateway.script = () => {
    count += 1;
    return new ScriptedGeneration(`s${count}`).say(...texts).end();
  };
}

describe("resume", () => {
  test("goes on after a disconnect without a gap or a repeat, on a new socket", async () => {
    const first = await connect(server.url);
    first.generate("a");
    const [started] = await first.until("started");
    generation().say("1", "2", "3");
    while (textOf(first.received) !== "123") await first.until("delta");
    first.ws.close();
    await first.closed;
    generation().say("4", "5").end();

    const second = await connect(server.url);
    second.send({ type: "resume", id: "b", stream: started?.stream, after: 2 });
    const frames = await second.until("done");
    expect(frames[0]).toMatchObject({ type: "started", id: "b", stream: started?.stream });
    expect(frames.slice(1).map((frame) => frame.seq)).toEqual([3, 4, 5, 6]);
    expect(textOf(frames)).toBe("345");
    expect(generation().isCancelled).toBe(false);
  });

  test("after the end tells the end once more", async () => {
    answerWith("x");
    const client = await connect(server.url);
    client.generate("a");
    const frames = await client.until("done");
    client.send({ type: "resume", id: "b", stream: frames[0]?.stream, after: 2 });
    expect((await client.until("done")).map((frame) => frame.type)).toEqual(["started", "done"]);
  });

  test("of an unknown stream, of another tenant's, and beyond the last event is refused", async () => {
    answerWith("x");
    const owner = await connect(server.url);
    owner.generate("a");
    const stream = (await owner.until("done"))[0]?.stream;
    owner.send({ type: "resume", id: "b", stream: "str_unknown", after: 0 });
    expect(await owner.next()).toMatchObject({ type: "error", id: "b", error: { code: "not_found" } });
    owner.send({ type: "resume", id: "b", stream, after: 9 });
    expect(await owner.next()).toMatchObject({ type: "error", id: "b", error: { param: "after" } });
    const other = await connect(server.url, { key: "sk-other" });
    other.send({ type: "resume", id: "b", stream, after: 0 });
    expect(await other.next()).toMatchObject({ type: "error", id: "b", error: { code: "not_found" } });
  });

  test("can be had twice: two readers read the same stream", async () => {
    const [one, two] = [await connect(server.url), await connect(server.url)];
    one.generate("a");
    const [started] = await one.until("started");
    generation().say("shared ");
    two.send({ type: "resume", id: "b", stream: started?.stream, after: 0 });
    await two.until("started");
    generation().say("text").end();
    expect(textOf(await one.until("done"))).toBe("shared text");
    expect(textOf(await two.until("done"))).toBe("shared text");
  });
});

describe("a client that leaves", () => {
  test("leaves its generations running for the detach time", async () => {
    const client = await connect(server.url);
    client.generate("a");
    await client.until("started");
    client.ws.close();
    await client.closed;
    await server.clock.advance(28_000);
    expect(generation().isCancelled).toBe(false);
    await server.clock.advance(4_000);
    expect(generation().isCancelled).toBe(true);
  });

  test("before it was told of the stream cancels it", async () => {
    const { promise, resolve } = Promise.withResolvers<ScriptedGeneration>();
    server.gateway.script = () => promise;
    const client = await connect(server.url);
    client.generate("a");
    await client.settled();
    client.ws.close();
    await client.closed;
    const late = new ScriptedGeneration("late");
    const cancelled = new Promise<void>((done) => {
      const cancel = late.cancel.bind(late);
      late.cancel = () => {
        cancel();
        done();
      };
    });
    resolve(late);
    await cancelled;
  });
});
