import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { type TestNats, testNats } from "../../../tests/nats.ts";
import { systemClock as clock } from "../../core/clock.ts";
import { silentLog } from "../../core/log.ts";
import { messageLogSuite } from "../message-log.suite.ts";
import { connectNats, type NatsLink } from "./connect.ts";
import { openNatsMessageLog } from "./message-log.ts";

let nats: TestNats;
beforeAll(async () => {
  nats = await testNats();
});
afterAll(() => nats.dispose());

const STREAM = "SLUICE_USAGE";
const link = (name: string): Promise<NatsLink> => connectNats({ urls: nats.urls, name, log: silentLog });
const logOver = (own: NatsLink) =>
  openNatsMessageLog({
    link: own,
    stream: STREAM,
    subjects: "usage.*",
    replicas: 1,
    clock,
    onError: () => {},
  });

async function without(stream: string, own: NatsLink): Promise<void> {
  const manager = await jetstreamManager(own.connection);
  await manager.streams.delete(stream).catch(() => false);
}

messageLogSuite("NATS", async () => {
  const links = [await link("one"), await link("two")] as const;
  await without(STREAM, links[0]);
  const [log, other] = [await logOver(links[0]), await logOver(links[1])];
  return {
    log,
    other,
    pass: (ms) => Bun.sleep(ms),
    async close() {
      await Promise.all(links.map((each) => each.close()));
    },
  };
});

describe("message log: NATS", () => {
  test("a stream of that name that is otherwise is not taken for the one that was asked for", async () => {
    const own = await link("own");
    await without(STREAM, own);
    const manager = await jetstreamManager(own.connection);
    await manager.streams.add({ name: STREAM, subjects: ["sluice.usage.*"], max_msgs_per_subject: 1 });
    const told = await logOver(own).catch(String);
    expect(told).toContain("max_msgs_per_subject is 1, not -1");
    expect(told).toContain("max_age is 0, not 86400000000000");
    await without(STREAM, own);
    await own.close();
  });

  test("what was acknowledged is there after a kill -9, and consumers and senders go on by themselves", async () => {
    const own = await link("own");
    await without(STREAM, own);
    const log = await logOver(own);
    await log.append("usage.a", Buffer.from("1"));
    const [server] = nats.servers;
    await server?.kill();
    await expect(log.append("usage.a", Buffer.from("lost"))).rejects.toThrow();
    const seen: string[] = [];
    const consumption = log.consume("a", "usage.a", async (message) => {
      seen.push(Buffer.from(message).toString());
    });
    await server?.restart();
    while (seen.length < 1) await Bun.sleep(20);
    while (!own.isUp()) await Bun.sleep(20);
    await log.append("usage.a", Buffer.from("2"));
    while (seen.length < 2) await Bun.sleep(20);
    expect(seen).toEqual(["1", "2"]);
    consumption.close();
    await consumption.ended;
    await own.close();
  }, 30_000);

  test("a handler that dies with its connection leaves its message to the next consumer", async () => {
    const [dying, living] = [await link("dying"), await link("living")];
    await without(STREAM, living);
    const [first, second] = [await logOver(dying), await logOver(living)];
    await first.append("usage.a", Buffer.from("1"));
    const { promise: taken, resolve: take } = Promise.withResolvers<void>();
    const never = Promise.withResolvers<void>();
    first.consume("a", "usage.a", async () => {
      take();
      await never.promise;
    });
    await taken;
    await dying.close();
    const { promise: again, resolve: arrived } = Promise.withResolvers<number>();
    const consumption = second.consume("a", "usage.a", async (_, deliveries) => arrived(deliveries));
    expect(await again).toBe(2);
    consumption.close();
    await consumption.ended;
    await living.close();
  }, 30_000);

  test("one that works for longer than a dead one is waited for keeps its message", async () => {
    const [one, two] = [await link("one"), await link("two")];
    await without(STREAM, one);
    const logs = [await logOver(one), await logOver(two)];
    await logs[0]?.append("usage.a", Buffer.from("slow"));
    await logs[0]?.append("usage.a", Buffer.from("next"));
    const seen: [string, number][] = [];
    const consumptions = logs.map((log) =>
      log.consume("a", "usage.a", async (message, deliveries) => {
        const text = Buffer.from(message).toString();
        if (text === "slow") await Bun.sleep(7_000);
        seen.push([text, deliveries]);
      }),
    );
    while (seen.length < 2) await Bun.sleep(50);
    expect(seen).toEqual([
      ["slow", 1],
      ["next", 1],
    ]);
    for (const each of consumptions) each.close();
    await Promise.all(consumptions.map(({ ended }) => ended));
    await Promise.all([one.close(), two.close()]);
  }, 30_000);

  test("servers that lost all they had take messages again", async () => {
    const own = await link("own");
    await without(STREAM, own);
    const log = await logOver(own);
    const seen: string[] = [];
    const consumption = log.consume("a", "usage.a", async (message) => {
      seen.push(Buffer.from(message).toString());
    });
    await log.append("usage.a", Buffer.from("1"));
    while (seen.length < 1) await Bun.sleep(20);
    await without(STREAM, own);
    const append = async (): Promise<boolean> =>
      log.append("usage.a", Buffer.from("2")).then(
        () => true,
        () => false,
      );
    while (!(await append())) await Bun.sleep(50);
    while (!seen.includes("2")) await Bun.sleep(20);
    consumption.close();
    await consumption.ended;
    await own.close();
  }, 30_000);
});
