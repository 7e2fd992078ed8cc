import { afterAll, beforeAll, expect, test } from "bun:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { type TestNats, testNats } from "../../../tests/nats.ts";
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

test("while the connection is lost nothing is kept for later", async () => {
  const own = await link("four");
  const log = await logOver({ connection: own.connection, isUp: () => false, close: () => own.close() });
  await expect(log.append("streams.x", new Uint8Array(), 0)).rejects.toThrow("lost at the moment");
  await expect(log.last("streams.x")).rejects.toThrow("lost at the moment");
  await own.close();
});
