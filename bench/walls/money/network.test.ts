import { afterEach, beforeEach, expect, test } from "bun:test";
import { type Network, startNetwork } from "./network.ts";

let server: Bun.Server<undefined>;
let network: Network;

beforeEach(async () => {
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => new Response(await request.text()),
  });
  network = await startNetwork({ hostname: "127.0.0.1", port: server.port ?? 0 });
});
afterEach(async () => {
  network.close();
  await server.stop(true);
});

const send = (body: string, timeoutMs = 5_000): Promise<string> =>
  fetch(`http://127.0.0.1:${network.port}`, {
    method: "POST",
    body,
    signal: AbortSignal.timeout(timeoutMs),
  }).then(
    (response) => response.text(),
    (thrown: Error) => thrown.name,
  );

test("what is sent arrives whole, both ways", async () => {
  const large = "x".repeat(3_000_000);
  expect(await send("hello")).toBe("hello");
  expect((await send(large)).length).toBe(large.length);
  expect(await Promise.all(Array.from({ length: 20 }, (_, n) => send(String(n))))).toHaveLength(20);
});

test("a cut refuses everything until it is healed", async () => {
  expect(await send("before")).toBe("before");
  network.cut();
  expect(await send("during")).not.toBe("during");
  network.heal();
  expect(await send("after")).toBe("after");
});

test("a reset ends what is under way and nothing else", async () => {
  network.stall();
  const lost = send("under way");
  await Bun.sleep(50);
  network.reset();
  network.heal();
  expect(await lost).not.toBe("under way");
  expect(await send("after")).toBe("after");
});

test("a stall swallows nothing: what was sent arrives when it is over", async () => {
  expect(await send("before")).toBe("before");
  network.stall();
  const waiting = send("during");
  const first = await Promise.race([waiting, Bun.sleep(100).then(() => "still waiting")]);
  expect(first).toBe("still waiting");
  network.heal();
  expect(await waiting).toBe("during");
});
