import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { pack } from "msgpackr";
import { SluiceError } from "../core/errors.ts";
import { ScriptedGeneration } from "../gateway/testing/scripted-generation.ts";
import { connect, type Received, textOf } from "./testing/client.ts";
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

const byId = (frames: readonly Received[], id: string): Received[] => frames.filter((f) => f.id === id);

describe("one generation", () => {
  test("is started, then deltas from 1 without a gap, then one done with usage, cost and receipt", async () => {
    answerWith("Hel", "lo");
    const client = await connect(server.url);
    client.generate("a");
    expect(await client.until("done")).toEqual([
      {
        type: "started",
        id: "a",
        stream: "str_s1",
        request_id: "req_s1",
        vendor: "scripted",
        model: "scripted-chat",
      },
      { type: "delta", id: "a", seq: 1, text: "Hel" },
      { type: "delta", id: "a", seq: 2, text: "lo" },
      {
        type: "done",
        id: "a",
        seq: 3,
        outcome: "completed",
        finish_reason: "stop",
        usage: { prompt_tokens: 9, completion_tokens: 6 },
        cost: "0.00125",
        receipt: "req_s1",
      },
    ]);
    await client.settled();
    expect(client.received.filter((frame) => frame.type === "done")).toHaveLength(1);
  });

  test("streams whatever the body says, and its size is told for the estimate", async () => {
    answerWith("x");
    const client = await connect(server.url);
    const content = "ü".repeat(1_000);
    client.generate("a", { body: { model: "m", messages: [{ role: "user", content }], stream: false } });
    await client.until("done");
    expect(server.gateway.requests[0]).toMatchObject({ model: "m", stream: true });
    expect(server.gateway.requests[0]?.promptTokens).toBeGreaterThanOrEqual(1_000);
  });

  test("tells reasoning, tool calls, refusals and other choices", async () => {
    server.gateway.script = () =>
      new ScriptedGeneration("s")
        .tell({ type: "reasoning", choice: 0, text: "hm" }, { type: "text", choice: 0, text: "yes" })
        .tell({ type: "toolCall", choice: 0, call: 0, id: "c", name: "f", arguments: "{}" })
        .tell({ type: "text", choice: 1, text: "other" })
        .tell({ type: "refusal", choice: 0, text: "no" })
        .end();
    const client = await connect(server.url);
    client.generate("a");
    expect((await client.until("done")).slice(1, -1)).toEqual([
      { type: "delta", id: "a", seq: 1, reasoning: "hm", text: "yes" },
      {
        type: "delta",
        id: "a",
        seq: 2,
        tool_calls: [{ index: 0, id: "c", function: { name: "f", arguments: "{}" } }],
      },
      { type: "delta", id: "a", seq: 3, choice: 1, text: "other" },
      { type: "delta", id: "a", seq: 4, refusal: "no" },
    ]);
  });

  test("that is cut short ends with done, its outcome and the error", async () => {
    server.gateway.script = () =>
      new ScriptedGeneration("s")
        .say("half")
        .end("truncated", new SluiceError("stream_truncated", "The vendor's stream ended early."));
    const client = await connect(server.url);
    client.generate("a");
    expect((await client.until("done")).at(-1)).toMatchObject({
      seq: 2,
      outcome: "truncated",
      finish_reason: null,
      error: { code: "stream_truncated" },
    });
  });

  test("that the gateway refuses is an error frame, and its id is free again", async () => {
    server.gateway.script = () => {
      throw new SluiceError("insufficient_points", "Not enough points.", { affordable: "0.1" });
    };
    const client = await connect(server.url);
    client.generate("a");
    expect(await client.next()).toMatchObject({
      type: "error",
      id: "a",
      error: { code: "insufficient_points", message: "Not enough points." },
    });
    answerWith("x");
    client.generate("a");
    expect(textOf(await client.until("done"))).toBe("x");
  });

  test("with a body that is no chat request names the field", async () => {
    const client = await connect(server.url);
    client.generate("a", { body: { model: "m", messages: [{ role: "nobody" }] } });
    expect(await client.next()).toMatchObject({
      type: "error",
      id: "a",
      error: { param: "messages[0].role" },
    });
  });
});

describe("many generations on one socket", () => {
  test.each(["sluice.v1.json", "sluice.v1.msgpack"])("100 at once, mixed, over %s", async (protocol) => {
    const client = await connect(server.url, { protocols: [protocol] });
    const encode = (frame: object) => (protocol.endsWith("json") ? JSON.stringify(frame) : pack(frame));
    const ids = Array.from({ length: 100 }, (_, index) => `g${index}`);
    const body = { model: "m", messages: [{ role: "user", content: "hi" }] };
    for (const id of ids) client.send(encode({ type: "generate", id, body }));
    for (const _ of ids) await client.until("started");
    for (const word of ["one ", "two ", "three"]) {
      for (const running of server.gateway.generations) running.say(word);
    }
    for (const running of server.gateway.generations) running.end();
    const isDone = ({ type }: Received): boolean => type === "done";
    while (client.received.filter(isDone).length < ids.length) await client.next();
    for (const id of ids) {
      const own = byId(client.received, id);
      expect(own.map((frame) => frame.type)).toEqual(["started", "delta", "delta", "delta", "done"]);
      expect(own.slice(1).map((frame) => frame.seq)).toEqual([1, 2, 3, 4]);
      expect(textOf(own)).toBe("one two three");
    }
  });

  test("an id in use is refused and the running one is left alone", async () => {
    const client = await connect(server.url);
    client.generate("a");
    await client.until("started");
    client.generate("a");
    expect(await client.next()).toMatchObject({ type: "error", id: "a", error: { code: "conflict" } });
    generation().say("still here").end();
    expect(textOf(await client.until("done"))).toBe("still here");
  });

  test("more than a thousand are refused", async () => {
    const client = await connect(server.url);
    for (let index = 0; index <= 1_000; index += 1) client.generate(`g${index}`);
    const frames = await client.until("error");
    expect(frames.at(-1)).toMatchObject({ id: "g1000", error: { code: "overloaded" } });
    await client.settled();
    expect(client.received.filter((frame) => frame.type === "started")).toHaveLength(1_000);
  });
});

describe("cancel", () => {
  test("stops the vendor and ends with outcome cancelled", async () => {
    const client = await connect(server.url);
    client.generate("a");
    await client.until("started");
    generation().say("some");
    await client.until("delta");
    client.send({ type: "cancel", id: "a" });
    expect((await client.until("done")).at(-1)).toMatchObject({ seq: 2, outcome: "cancelled" });
    expect(generation().isCancelled).toBe(true);
  });

  test("before the first token aborts the request", async () => {
    server.gateway.script = (_request, { signal }) =>
      new Promise((_resolve, reject) => {
        const gone = () => reject(new SluiceError("request_cancelled", "Cancelled."));
        signal?.addEventListener("abort", gone);
      });
    const client = await connect(server.url);
    client.generate("a");
    client.send({ type: "cancel", id: "a" });
    expect(await client.next()).toMatchObject({
      type: "error",
      id: "a",
      error: { code: "request_cancelled" },
    });
  });

  test("and credit that cross the end are no errors; for an id never used they are", async () => {
    answerWith("x");
    const client = await connect(server.url);
    client.generate("a", { credit: 5 });
    await client.until("done");
    client.send({ type: "cancel", id: "a" });
    client.send({ type: "credit", id: "a", events: 3 });
    client.send({ type: "ping", t: 9 });
    expect(await client.next()).toEqual({ type: "pong", t: 9 });
    client.send({ type: "cancel", id: "b" });
    expect(await client.next()).toMatchObject({ type: "error", id: "b", error: { code: "not_found" } });
    client.send({ type: "credit", id: "b", events: 1 });
    expect(await client.next()).toMatchObject({ type: "error", id: "b", error: { code: "not_found" } });
  });
});

test("the latest 256 that ended are remembered, so that what crosses their end is no error", async () => {
  answerWith("x");
  const client = await connect(server.url);
  for (let index = 0; index <= 256; index += 1) {
    client.generate(`g${index}`);
    await client.until("done");
  }
  await client.settled();
  for (const index of [1, 256]) client.send({ type: "cancel", id: `g${index}` });
  client.send({ type: "ping", t: 9 });
  expect(await client.next()).toEqual({ type: "pong", t: 9 });
  client.send({ type: "cancel", id: "g0" });
  expect(await client.next()).toMatchObject({ type: "error", id: "g0", error: { code: "not_found" } });
});

describe("credit", () => {
  test("is never exceeded; the end needs none", async () => {
    answerWith("1", "2", "3", "4", "5");
    const client = await connect(server.url);
    client.generate("a", { credit: 2 });
    await client.until("started");
    await client.settled();
    expect(textOf(client.received)).toBe("12");
    client.send({ type: "credit", id: "a", events: 1 });
    await client.settled();
    expect(textOf(client.received)).toBe("123");
    client.send({ type: "credit", id: "a", events: 2 });
    await client.until("done");
    expect(textOf(client.received)).toBe("12345");
  });

  test("of one generation does not hold back another", async () => {
    answerWith("1", "2");
    const client = await connect(server.url);
    client.generate("held", { credit: 0 });
    client.generate("free");
    await client.until("done");
    expect(textOf(byId(client.received, "held"))).toBe("");
    expect(textOf(byId(client.received, "free"))).toBe("12");
  });

  test("is refused for a generation that was begun without", async () => {
    const client = await connect(server.url);
    client.generate("a");
    await client.until("started");
    client.send({ type: "credit", id: "a", events: 1 });
    expect(await client.next()).toMatchObject({ type: "error", id: "a", error: { code: "invalid_request" } });
  });

  test("that is used up does not keep a cancelled generation from its end", async () => {
    const client = await connect(server.url);
    client.generate("a", { credit: 1 });
    await client.until("started");
    generation().say("1", "2", "3");
    await client.until("delta");
    client.send({ type: "cancel", id: "a" });
    expect(await client.next()).toMatchObject({ type: "done", outcome: "cancelled", seq: 4 });
  });
});
