import { afterAll, beforeAll, expect, test } from "bun:test";
import { type TestNats, testNats } from "../../../tests/nats.ts";
import { systemClock as clock } from "../../core/clock.ts";
import { nodeId } from "../../core/ids.ts";
import { type Log, silentLog } from "../../core/log.ts";
import { systemRandom as random } from "../../core/random.ts";
import { openNatsCluster } from "./open-cluster.ts";

let nats: TestNats;
beforeAll(async () => {
  nats = await testNats(3);
});
afterAll(() => nats.dispose());

test("three servers keep three copies, also when one of them is away at a start", async () => {
  const warned: string[] = [];
  const log: Log = { ...silentLog, warn: (message) => void warned.push(message) };
  const open = (name: string) => openNatsCluster({ urls: nats.urls, node: nodeId(name), clock, random, log });
  const first = await open("a");
  expect(first.replicas).toBe(3);
  expect(warned.join()).toContain("sync_interval");
  expect(await first.shards.create("1", new Uint8Array([1]))).toBeGreaterThan(0);
  await nats.servers[2]?.kill();
  const second = await open("b");
  expect(second.replicas).toBe(3);
  await second.close();
  await first.close();
});
