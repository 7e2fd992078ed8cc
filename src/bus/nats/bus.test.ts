import { afterAll, beforeAll, expect, test } from "bun:test";
import { type TestNats, testNats } from "../../../tests/nats.ts";
import { silentLog } from "../../core/log.ts";
import { busSuite } from "../bus.suite.ts";
import { createNatsBus } from "./bus.ts";
import { connectNats } from "./connect.ts";

let nats: TestNats;
beforeAll(async () => {
  nats = await testNats();
});
afterAll(() => nats.dispose());

async function open() {
  const links = await Promise.all(
    ["one", "two"].map((name) => connectNats({ urls: nats.urls, name, log: silentLog })),
  );
  const [one, two] = links;
  if (one === undefined || two === undefined) throw new Error("two connections were asked for");
  const [bus, other] = [createNatsBus({ link: one }), createNatsBus({ link: two })];
  return {
    bus,
    other,
    link: one,
    async settle() {
      for (let round = 0; round < 2; round += 1) for (const { connection } of links) await connection.flush();
    },
    async close() {
      await Promise.all([bus.close(), other.close()]);
      await Promise.all(links.map((link) => link.close()));
    },
  };
}

busSuite("NATS", open);

test("what a subscriber throws is told, and the next message reaches it", async () => {
  const link = await connectNats({ urls: nats.urls, name: "three", log: silentLog });
  const told: string[] = [];
  const bus = createNatsBus({
    link,
    onError: (thrown, subject) => told.push(`${subject}: ${String(thrown)}`),
  });
  let seen = 0;
  bus.subscribe("news", () => {
    seen += 1;
    throw new Error("no");
  });
  bus.publish("news", 1);
  bus.publish("news", 2);
  await link.connection.flush();
  expect([seen, told]).toEqual([2, ["news: Error: no", "news: Error: no"]]);
  await bus.close();
  await link.close();
});

test("while no server is there requests are refused at once, and afterwards everything goes on", async () => {
  const world = await open();
  const [server] = nats.servers;
  world.other.serve("greet", async (name) => `hello ${String(name)}`);
  await world.settle();
  await server?.kill();
  while (world.link.isUp()) await Bun.sleep(5);
  const refused = await world.bus
    .request("greet", "x", { timeoutMs: 60_000 })
    .catch((thrown: unknown) => thrown);
  expect(refused).toMatchObject({ kind: "no_responders" });
  world.bus.publish("greet", "kept for nobody");
  await server?.restart();
  for (;;) {
    const answer = await world.bus.request("greet", "again", { timeoutMs: 1_000 }).catch(() => undefined);
    if (answer === "hello again") break;
    await Bun.sleep(20);
  }
  await world.close();
});

test("a user and a token are taken from the URL, and a wrong one is told as such", async () => {
  for (const [settings, right, wrong] of [
    ['authorization { user: ada, password: "x y" }', "ada:x%20y@", "ada:z@"],
    ["authorization { token: tok }", "tok@", ""],
  ] as const) {
    const guarded = await testNats(1, settings, right);
    const at = (who: string) => guarded.urls.map((url) => url.replace(/\/\/(?:[^@]*@)?/, `//${who}`));
    const link = await connectNats({ urls: at(right), name: "x", log: silentLog });
    expect(link.isUp()).toBe(true);
    await link.close();
    const refused = connectNats({ urls: at(wrong), name: "x", log: silentLog });
    expect(await refused.catch(String)).toContain("refuses this user");
    await guarded.dispose();
  }
});

test("without a server the start says which setting to look at", async () => {
  const attempt = connectNats({ urls: ["nats://127.0.0.1:1"], name: "x", log: silentLog });
  expect(await attempt.catch(String)).toContain("NATS_URL");
});
