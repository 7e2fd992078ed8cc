import { afterAll, beforeAll, expect, test } from "bun:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { type TestNats, testNats } from "../../../tests/nats.ts";
import { systemClock as clock } from "../../core/clock.ts";
import { silentLog } from "../../core/log.ts";
import { keyValueSuite } from "../key-value.suite.ts";
import { connectNats } from "./connect.ts";
import { openNatsKeyValue } from "./key-value.ts";

let nats: TestNats;
let buckets = 0;
beforeAll(async () => {
  nats = await testNats();
});
afterAll(() => nats.dispose());

const onError = (thrown: unknown): void => {
  throw thrown;
};

keyValueSuite("NATS", async (ageMs) => {
  buckets += 1;
  const bucket = `test_${buckets}`;
  const links = await Promise.all(
    ["one", "two"].map((name) => connectNats({ urls: nats.urls, name, log: silentLog })),
  );
  const open = (link: (typeof links)[number]) =>
    openNatsKeyValue({ link, clock, bucket, ageMs, replicas: 1, onError });
  const [one, two] = links;
  if (one === undefined || two === undefined) throw new Error("two connections were asked for");
  const [store, other] = [await open(one), await open(two)];
  return {
    store,
    other,
    pass: (ms) => Bun.sleep(ms),
    async close() {
      await Promise.all(links.map((link) => link.close()));
    },
  };
});

test("a bucket that is there with another age is not taken for the one that was asked for", async () => {
  const link = await connectNats({ urls: nats.urls, name: "x", log: silentLog });
  const manager = await jetstreamManager(link.connection);
  await manager.streams.add({ name: "KV_other", subjects: ["$KV.other.>"], max_msgs_per_subject: 1 });
  const opening = openNatsKeyValue({ link, clock, bucket: "other", ageMs: 1_000, replicas: 1, onError });
  expect(await opening.catch(String)).toContain("max_age is 0, not 1000000000");
  await link.close();
});
