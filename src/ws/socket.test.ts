import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { pack } from "msgpackr";
import type { ScriptedGeneration } from "../gateway/testing/scripted-generation.ts";
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

describe("a frame that cannot be taken", () => {
  test("is an error frame and the socket goes on", async () => {
    const client = await connect(server.url);
    client.send({ type: "nonsense", id: "a" });
    expect(await client.next()).toMatchObject({ type: "error", id: "a", error: { param: "type" } });
    client.send("[1]");
    expect(Object.keys(await client.next())).toEqual(["type", "error"]);
    client.send({ type: "ping" });
    expect(await client.next()).toEqual({ type: "pong" });
  });

  test("closes with 1007 when it cannot be parsed", async () => {
    const client = await connect(server.url);
    client.send("{not json");
    expect(await client.next()).toMatchObject({ type: "error", error: { code: "invalid_json" } });
    expect((await client.closed).code).toBe(1007);
    const binary = await connect(server.url, { protocols: ["sluice.v1.msgpack"] });
    binary.send(Uint8Array.of(0xa5, 0x61));
    expect((await binary.closed).code).toBe(1007);
  });

  test("closes with 1008 when it is of the wrong kind for the subprotocol", async () => {
    const client = await connect(server.url);
    client.send(pack({ type: "ping" }));
    expect(await client.closed).toMatchObject({
      code: 1008,
      reason: "sluice.v1.json takes text frames only.",
    });
    const binary = await connect(server.url, { protocols: ["sluice.v1.msgpack"] });
    binary.send({ type: "ping" });
    expect((await binary.closed).code).toBe(1008);
  });

  test("closes with 1009 when it is larger than a body may be", async () => {
    const client = await connect(server.url);
    client.send("x".repeat(1024 * 1024 + 5_000));
    expect((await client.closed).code).toBe(1009);
  });
});

describe("a key that is revoked", () => {
  test("ends its sockets within a second, and what they run; other keys' sockets stay", async () => {
    const [one, two] = [await connect(server.url), await connect(server.url)];
    const other = await connect(server.url, { key: "sk-acme-second" });
    one.generate("a");
    await one.until("started");
    server.gateway.revoked.add("sk-acme");
    await server.clock.advance(1_000);
    expect((await one.closed).code).toBe(1008);
    expect((await two.closed).code).toBe(1008);
    expect(one.received.at(-1)).toMatchObject({ type: "error", error: { code: "invalid_api_key" } });
    expect(generation().isCancelled).toBe(true);
    await other.settled();
  });

  test("is found at the next generate frame, whatever the clock says", async () => {
    const client = await connect(server.url);
    server.gateway.revoked.add("sk-acme");
    client.generate("a");
    expect(await client.next()).toMatchObject({ type: "error", id: "a", error: { code: "invalid_api_key" } });
    expect((await client.closed).code).toBe(1008);
    expect(server.gateway.requests).toHaveLength(0);
  });
});

describe("a node that stops", () => {
  test("closes idle sockets with 1001 at once, busy ones after their last end", async () => {
    const [idle, busy] = [await connect(server.url), await connect(server.url)];
    busy.generate("a");
    await busy.until("started");
    const drained = server.sockets.drain(10_000);
    expect((await idle.closed).code).toBe(1001);
    busy.generate("b");
    expect(await busy.next()).toMatchObject({ type: "error", id: "b", error: { code: "overloaded" } });
    generation().say("last words").end();
    expect(textOf(await busy.until("done"))).toBe("last words");
    expect((await busy.closed).code).toBe(1001);
    await drained;
    expect(server.sockets.stats()).toEqual({ sockets: 0 });
  });

  test("takes no new sockets", async () => {
    await server.sockets.drain(10_000);
    await expect(connect(server.url)).rejects.toThrow();
  });

  test("closes what is left at its deadline; the stream is left to the registry", async () => {
    const client = await connect(server.url);
    client.generate("a");
    await client.until("started");
    const drained = server.sockets.drain(10_000);
    await server.clock.advance(10_000);
    await drained;
    expect((await client.closed).code).toBe(1001);
    expect(server.streams.stats().running).toBe(1);
  });
});
