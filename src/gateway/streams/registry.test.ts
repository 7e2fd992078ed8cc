import { expect, test } from "bun:test";
import { streamId, tenantId } from "../../core/ids.ts";
import { STREAM_DETACH_MS, STREAM_KEPT_MS } from "../../core/limits.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import { callerOf, chatRequest } from "../testing/fixtures.ts";
import { ScriptedGeneration } from "../testing/scripted-generation.ts";
import { StreamRegistry } from "./registry.ts";

const TENANT = tenantId("t");
const CALLER = callerOf({ tenant: TENANT });
const REQUEST = chatRequest();

function setup(detachMs?: number) {
  const clock = new ManualClock();
  const registry = new StreamRegistry(clock);
  const generation = new ScriptedGeneration("a");
  const stream = registry.open(CALLER, generation, REQUEST, detachMs === undefined ? {} : { detachMs });
  return { clock, registry, generation, stream };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a stream is found by its tenant and by nobody else", () => {
  const { registry, generation, stream } = setup();
  expect(registry.get(generation.streamId, TENANT)).toBe(stream);
  expect(registry.get(generation.streamId, tenantId("other"))).toBeUndefined();
  expect(registry.get(streamId("str_unknown"), TENANT)).toBeUndefined();
});

test("what a reader is told about it comes from the generation", () => {
  const { stream, clock } = setup();
  expect(stream.about).toEqual({
    streamId: streamId("str_a"),
    requestId: new ScriptedGeneration("a").started.requestId,
    tenant: TENANT,
    operation: "chat",
    vendor: new ScriptedGeneration("a").started.vendor,
    vendorModel: "scripted-chat",
    attempts: 1,
    created: clock.epoch / 1_000,
    includeUsage: false,
  });
});

test("without a reader it goes on for the detach time, then it is cancelled", async () => {
  const { clock, generation, stream } = setup();
  stream.attach(0).close();
  await clock.advance(STREAM_DETACH_MS - 2_000);
  expect(generation.isCancelled).toBe(false);
  await clock.advance(3_000);
  expect(generation.isCancelled).toBe(true);
});

test("a reader that comes back in time keeps it running", async () => {
  const { clock, generation, stream } = setup();
  stream.attach(0).close();
  await clock.advance(20_000);
  stream.attach(0);
  await clock.advance(60_000);
  expect(generation.isCancelled).toBe(false);
});

test("a detach time of 0 cancels when the last reader leaves", async () => {
  const { generation, stream } = setup(0);
  const cursor = stream.attach(0);
  expect(generation.isCancelled).toBe(false);
  cursor.close();
  expect(generation.isCancelled).toBe(true);
});

test("a stream that nobody ever reads is cancelled, too", async () => {
  const { clock, generation } = setup(5_000);
  await clock.advance(6_000);
  expect(generation.isCancelled).toBe(true);
});

test("an ended stream can be read for five minutes, then it is gone and the sweep rests", async () => {
  const { clock, registry, generation, stream } = setup();
  generation.say("abc").end();
  await settled();
  expect(registry.stats()).toMatchObject({ running: 0, kept: 1 });
  expect(registry.stats().keptBytes).toBeGreaterThan(0);
  await clock.advance(STREAM_KEPT_MS - 2_000);
  expect(registry.get(generation.streamId, TENANT)).toBe(stream);
  await clock.advance(3_000);
  expect(registry.get(generation.streamId, TENANT)).toBeUndefined();
  expect(registry.stats()).toEqual({ running: 0, kept: 0, keptBytes: 0 });
});

test("closeAll waits for streams that end by themselves", async () => {
  const { registry, generation } = setup();
  const closing = registry.closeAll(10_000);
  expect(registry.isFull).toBe(true);
  generation.say("a").end();
  expect(await closing).toBe(0);
  expect(generation.isCancelled).toBe(false);
});

test("closeAll cancels what has not ended by its deadline, and waits until that is settled", async () => {
  const { clock, registry, generation } = setup();
  const closing = registry.closeAll(10_000);
  await clock.advance(10_000);
  expect(await closing).toBe(1);
  expect(generation.final?.outcome).toBe("cancelled");
  expect(registry.stats().running).toBe(0);
});

test("while it closes nothing is opened, and what was begun is cancelled and settled", async () => {
  const { registry, generation } = setup();
  const closing = registry.closeAll(10_000);
  const late = new ScriptedGeneration("late");
  expect(() => registry.open(CALLER, late, REQUEST)).toThrow("as many streams as it can");
  await settled();
  expect(late.final?.outcome).toBe("cancelled");
  generation.end();
  await closing;
});
