import { afterAll, beforeAll, expect, test } from "bun:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { type TestNats, testNats } from "../../../tests/nats.ts";
import { systemClock } from "../../core/clock.ts";
import { silentLog } from "../../core/log.ts";
import { subjectLogSuite } from "../subject-log.suite.ts";
import { connectNats, type NatsLink } from "./connect.ts";
import { openNatsSubjectLog } from "./subject-log.ts";

let nats: TestNats;
beforeAll(async () => {
  nats = await testNats();
});
afterAll(() => nats.dispose());

const STREAM = "SLUICE_STREAMS";
const link = (name: string): Promise<NatsLink> => connectNats({ urls: nats.urls, name, log: silentLog });
const logOver = (own: NatsLink, ageMs = 60_000) =>
  openNatsSubjectLog({
    link: own,
    clock: systemClock,
    stream: STREAM,
    subjects: "streams.*",
    replicas: 1,
    ageMs,
    mostBytes: 64 * 1024 * 1024,
  });

subjectLogSuite("NATS", async () => {
  const links = [await link("one"), await link("two")] as const;
  const manager = await jetstreamManager(links[0].connection);
  await manager.streams.delete(STREAM).catch(() => false);
  const [log, other] = [await logOver(links[0]), await logOver(links[1])];
  return {
    log,
    other,
    async close() {
      await Promise.all(links.map((one) => one.close()));
    },
  };
});

test("a stream of that name with other settings is refused", async () => {
  const own = await link("three");
  await logOver(own);
  await expect(logOver(own, 30_000)).rejects.toThrow("max_age");
  await own.close();
});

test("what is appended while others are on their way goes together: a server syncs once for all of it", async () => {
  const own = await link("five");
  const log = await logOver(own);
  const before = own.connection.stats().inMsgs;
  const all = Array.from({ length: 500 }, (_, index) =>
    log.append(`streams.e${index}`, new Uint8Array(300), 0),
  );
  const numbers = await Promise.all(all);
  expect(new Set(numbers).size).toBe(500);
  expect(numbers).not.toContain(undefined);
  expect(own.connection.stats().inMsgs - before).toBeLessThan(20);
  await own.close();
});

test("a stream that was made before batches takes them, and one that takes none any more is served all the same", async () => {
  const own = await link("six");
  const manager = await jetstreamManager(own.connection);
  const { config } = await manager.streams.info(STREAM);
  await manager.streams.update(STREAM, { ...config, allow_atomic: false });
  const log = await logOver(own);
  expect((await manager.streams.info(STREAM)).config.allow_atomic).toBe(true);
  await manager.streams.update(STREAM, { ...config, allow_atomic: false });
  const all = Array.from({ length: 50 }, (_, index) => log.append(`streams.f${index}`, new Uint8Array(9), 0));
  expect(await Promise.all(all)).not.toContain(undefined);
  await own.close();
});

test("servers that do not answer keep those that wait for a turn no longer than those whose turn it is", async () => {
  const own = await link("seven");
  const log = await logOver(own);
  const [server] = nats.servers;
  server?.pause();
  let settled = 0;
  const all = Array.from({ length: 50 }, async (_, index) => {
    const told = await log.append(`streams.g${index}`, new Uint8Array(9), 0).catch(String);
    settled += 1;
    return told;
  });
  const [first, second] = await Promise.all(all.slice(0, 2));
  await Bun.sleep(0);
  expect(settled).toBe(50);
  expect([first, second].join()).toContain("timeout");
  server?.resume();
  await own.close();
});

test("while the connection is lost nothing is kept for later", async () => {
  const own = await link("four");
  const log = await logOver({ connection: own.connection, isUp: () => false, close: () => own.close() });
  await expect(log.append("streams.x", new Uint8Array(), 0)).rejects.toThrow("lost at the moment");
  await expect(log.last("streams.x")).rejects.toThrow("lost at the moment");
  await own.close();
});
