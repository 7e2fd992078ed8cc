import { expect, test } from "bun:test";
import { STREAM_COPY_GIVE_UP_MS, STREAM_COPY_PATIENCE_MS } from "../../../core/limits.ts";
import { ScriptedGeneration } from "../../testing/scripted-generation.ts";
import { createStreamNodes, meanwhile, readAll, textOf } from "../testing/stream-nodes.ts";
import { copySubject } from "./message.ts";

const generation = (): ScriptedGeneration => new ScriptedGeneration("s");
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("nothing is seen before it is in the copy", async () => {
  const { clock, log, first } = createStreamNodes();
  const source = generation().say("a");
  const reader = first.open(source).attach(0);
  expect((await meanwhile(clock, reader.next()))?.seq).toBe(1);
  log.trouble = { when: "before", error: new Error("no leader") };
  source.say("b");
  let isSeen = false;
  const second = Promise.resolve(reader.next()).then((entry) => {
    isSeen = true;
    return entry;
  });
  await clock.advance(STREAM_COPY_PATIENCE_MS - 500);
  expect(isSeen).toBe(false);
  log.trouble = undefined;
  expect((await meanwhile(clock, second))?.seq).toBe(2);
});

test("a log that does not answer holds readers up for a bounded time, and the copy follows when it can", async () => {
  const { clock, log, first, second } = createStreamNodes();
  const source = generation().say("a");
  const reader = first.open(source).attach(0);
  await meanwhile(clock, reader.next());
  log.trouble = { when: "before", error: new Error("no leader") };
  source.say("b");
  const from = clock.monotonic();
  expect((await meanwhile(clock, reader.next()))?.seq).toBe(2);
  expect(clock.monotonic() - from).toBeWithin(STREAM_COPY_PATIENCE_MS, STREAM_COPY_PATIENCE_MS + 300);
  source.say("c");
  await settled();
  expect((await reader.next())?.seq).toBe(3);
  expect(first.cluster.steps.get("copy_late")).toBe(1);
  log.trouble = undefined;
  source.end();
  await clock.advance(1_000);
  first.die();
  const stream = await meanwhile(clock, second.find(source.streamId));
  const cursor = await meanwhile(clock, Promise.resolve(stream.attach(0)));
  expect(textOf(await meanwhile(clock, readAll(cursor)))).toBe("abc");
});

test("a message that was taken without an answer is known again, and stands there once", async () => {
  const { clock, log, first } = createStreamNodes();
  const source = generation().say("a");
  const journal = first.open(source);
  await clock.advance(100);
  log.trouble = { when: "after", error: new Error("the answer was lost") };
  source.say("b");
  await clock.advance(50);
  log.trouble = undefined;
  source.end();
  await meanwhile(clock, journal.ended);
  expect(journal.isMoved).toBe(false);
  const numbers: number[] = [];
  for (let number = 0; ; ) {
    const message = await log.next(copySubject(source.streamId), number);
    if (message === undefined) break;
    number = message.number;
    numbers.push(number);
  }
  expect(numbers).toHaveLength(3);
});

test("a log that forgot the stream ends its copy, not the stream", async () => {
  const { clock, log, first } = createStreamNodes();
  const source = generation().say("a");
  const reader = first.open(source).attach(0);
  await meanwhile(clock, reader.next());
  log.forget(copySubject(source.streamId));
  source.say("b").end();
  expect(textOf(await meanwhile(clock, readAll(reader)))).toBe("b");
  expect(first.cluster.steps.get("copy_dropped")).toBe(1);
});

test("a copy that cannot be written for long is given up, and a full ring does not wait for it", async () => {
  const { clock, log, first } = createStreamNodes();
  log.trouble = { when: "before", error: new Error("no leader") };
  const source = generation();
  for (let index = 0; index < 300; index += 1) source.say("x".repeat(10_000));
  source.end();
  const reader = first.open(source).attach(0);
  expect(textOf(await meanwhile(clock, readAll(reader)))).toBe("x".repeat(3_000_000));
  await clock.advance(STREAM_COPY_GIVE_UP_MS);
  expect(first.cluster.steps.get("copy_dropped")).toBe(1);
});

test("neither prompts nor answers lie in the copy in the clear", async () => {
  const { clock, log, first } = createStreamNodes();
  const source = generation().say("a secret answer").end();
  await meanwhile(clock, first.open(source).ended);
  const message = await log.next(copySubject(source.streamId), 0);
  const text = Buffer.from(message?.message ?? new Uint8Array()).toString("latin1");
  expect(text.length).toBeGreaterThan(100);
  expect(text).not.toContain("secret");
  expect(text).not.toContain("How are you");
});

test("many passages in a row become few messages", async () => {
  const { clock, first } = createStreamNodes();
  const source = generation();
  const journal = first.open(source);
  for (let index = 0; index < 200; index += 1) {
    source.say("w");
    await settled();
  }
  source.end();
  await meanwhile(clock, journal.ended);
  expect(first.cluster.steps.get("copy_written")).toBeLessThan(10);
});
