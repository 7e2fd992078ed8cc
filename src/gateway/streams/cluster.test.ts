import { describe, expect, test } from "bun:test";
import { nodeId, tenantId } from "../../core/ids.ts";
import { STREAM_COPY_PATIENCE_MS, STREAM_REMOTE_BATCH_BYTES, STREAM_SEAT_MS } from "../../core/limits.ts";
import { ScriptedGeneration } from "../testing/scripted-generation.ts";
import { createStreamNodes, meanwhile, readAll, TENANT, textOf } from "./testing/stream-nodes.ts";

const generation = (): ScriptedGeneration => new ScriptedGeneration("s");

describe("a reader on another node", () => {
  test("gets what the stream's own readers get", async () => {
    const { clock, first, second } = createStreamNodes();
    const source = generation().say("a", "b", "c");
    const journal = first.open(source);
    const remote = await meanwhile(
      clock,
      second.find(source.streamId).then((stream) => stream.attach(0)),
    );
    const reading = [readAll(remote), readAll(journal.attach(0))];
    source.say("d").end();
    const [there, here] = await meanwhile(clock, Promise.all(reading));
    expect(there).toEqual(here ?? []);
    expect(textOf(there ?? [])).toBe("abcd");
    expect(first.cluster.remoteReaders).toBe(0);
  });

  test("of another tenant finds nothing", async () => {
    const { clock, first, second } = createStreamNodes();
    const source = generation().say("a");
    first.open(source);
    await meanwhile(clock, second.find(source.streamId));
    expect(await meanwhile(clock, Promise.resolve(second.streams.get(source.streamId, tenantId("x"))))).toBe(
      undefined,
    );
  });

  test("is refused as on its own node", async () => {
    const { clock, first, second } = createStreamNodes();
    const source = generation().say("a");
    first.open(source);
    const stream = await meanwhile(clock, second.find(source.streamId));
    const attaching = Promise.resolve(stream.attach(9));
    await expect(meanwhile(clock, attaching)).rejects.toMatchObject({ code: "invalid_request" });
  });

  test("counts as a reader while it is heard, and no longer when its node is gone", async () => {
    const { clock, first, second } = createStreamNodes();
    const source = generation().say("a");
    first.open(source, 5_000);
    const stream = await meanwhile(clock, second.find(source.streamId));
    const cursor = await meanwhile(clock, Promise.resolve(stream.attach(0)));
    expect((await meanwhile(clock, cursor.next()))?.seq).toBe(1);
    // It reads nothing, for much longer than the lease and the detach time together.
    await clock.advance(60_000);
    expect([first.cluster.remoteReaders, source.isCancelled]).toEqual([1, false]);
    cursor.close();
    await clock.advance(100);
    expect(first.cluster.remoteReaders).toBe(0);
    await clock.advance(7_000);
    expect(source.isCancelled).toBe(true);
  });

  test("that falls silent loses its seat, and the detach time runs", async () => {
    const { clock, first, second } = createStreamNodes();
    const source = generation().say("a");
    first.open(source, 5_000);
    const question = {
      stream: source.streamId,
      tenant: TENANT,
      reader: "r",
      after: 0,
      bytes: 1_000,
      waitMs: 0,
    };
    await meanwhile(clock, second.peers.ask(nodeId("a"), "stream.read", question, 1_000));
    await clock.advance(STREAM_SEAT_MS - 1_500);
    expect([first.cluster.remoteReaders, source.isCancelled]).toEqual([1, false]);
    await clock.advance(2_500);
    expect([first.cluster.remoteReaders, source.isCancelled]).toEqual([0, false]);
    await clock.advance(6_000);
    expect(source.isCancelled).toBe(true);
  });

  test("that reads slowly holds one batch, and the rest stays where it is", async () => {
    const { clock, asked, first, second } = createStreamNodes();
    const source = generation();
    const piece = "x".repeat(8_000);
    for (let index = 0; index < 100; index += 1) source.say(piece);
    source.end();
    first.open(source);
    const stream = await meanwhile(clock, second.find(source.streamId));
    const cursor = await meanwhile(clock, Promise.resolve(stream.attach(0)));
    await meanwhile(clock, cursor.next());
    const before = asked.reads;
    // Time enough for a few signs of life; none of them brings more.
    await clock.advance(10_000);
    expect(asked.reads - before).toBeLessThanOrEqual(6);
    expect(asked.mostBytes).toBeLessThanOrEqual(STREAM_REMOTE_BATCH_BYTES);
    expect(textOf(await meanwhile(clock, readAll(cursor)))).toBe(piece.repeat(99));
  });

  test("cancels it there", async () => {
    const { clock, first, second } = createStreamNodes();
    const source = generation().say("a");
    first.open(source);
    const stream = await meanwhile(clock, second.find(source.streamId));
    expect(await meanwhile(clock, Promise.resolve(stream.cancel()))).toBe(true);
    expect(source.isCancelled).toBe(true);
  });

  test("finds a stream that could not be copied", async () => {
    const { clock, log, first, second } = createStreamNodes();
    log.trouble = { when: "before", error: new Error("no leader") };
    const source = generation().say("a");
    first.open(source);
    await clock.advance(STREAM_COPY_PATIENCE_MS + 1_000);
    source.say("b").end();
    const stream = await meanwhile(clock, second.find(source.streamId));
    const cursor = await meanwhile(clock, Promise.resolve(stream.attach(0)));
    expect(textOf(await meanwhile(clock, readAll(cursor)))).toBe("ab");
  });
});

describe("a node that is gone", () => {
  test("has its stream gone on with by one other, from what its readers saw", async () => {
    const { clock, first, second, third } = createStreamNodes();
    const source = generation().say("a", "b");
    const journal = first.open(source);
    const seen = journal.attach(0);
    for (const _ of [1, 2]) await meanwhile(clock, seen.next());
    const streams = await meanwhile(
      clock,
      Promise.all([second, third].map((node) => node.find(source.streamId))),
    );
    const cursors = await meanwhile(clock, Promise.all(streams.map((stream) => stream.attach(1))));
    first.die();
    const reading = Promise.all(cursors.map(readAll));
    for (let turn = 0; second.resumed.length + third.resumed.length === 0 && turn < 1_000; turn += 1) {
      await clock.advance(50);
    }
    const [resumed, ...others] = [...second.resumed, ...third.resumed];
    expect(others).toEqual([]);
    expect(resumed?.begun).toMatchObject({ text: "ab", isUnpaid: true, delivered: { frames: 2 } });
    resumed?.generation.say("c", "d").end();
    for (const entries of await meanwhile(clock, reading)) {
      expect(entries.map(({ type, seq }) => `${type} ${seq}`)).toEqual([
        "delta 2",
        "delta 3",
        "delta 4",
        "done 5",
      ]);
      expect(textOf(entries)).toBe("bcd");
    }
    const givenUp = [...second.givenUp, ...third.givenUp];
    expect(givenUp.map(({ former }) => former)).toEqual([source.started.requestId]);
  });

  test("was only asleep: it finds its stream taken, stops it and tells its readers to go", async () => {
    const { clock, first, second } = createStreamNodes();
    const source = generation().say("a");
    const own = first.open(source).attach(0);
    await meanwhile(clock, own.next());
    const stream = await meanwhile(clock, second.find(source.streamId));
    first.die();
    const cursor = await meanwhile(clock, Promise.resolve(stream.attach(1)));
    source.say("never seen");
    expect(await meanwhile(clock, own.next())).toEqual({ type: "moved", seq: 1 });
    expect(source.isCancelled).toBe(true);
    second.resumed[0]?.generation.say("b").end();
    expect(textOf(await meanwhile(clock, readAll(cursor)))).toBe("b");
  });

  test("leaves an ended stream to be read from its copy", async () => {
    const { clock, first, second } = createStreamNodes();
    const source = generation().say("a", "b").end();
    const journal = first.open(source);
    await meanwhile(clock, journal.ended);
    const whole = await readAll(journal.attach(0));
    first.die();
    const stream = await meanwhile(clock, second.find(source.streamId));
    const cursor = await meanwhile(clock, Promise.resolve(stream.attach(0)));
    expect(await meanwhile(clock, readAll(cursor))).toEqual(whole);
    expect(second.resumed).toEqual([]);
  });
});

describe("a node that stops", () => {
  test("leaves its streams to whoever is asked, who is not to charge for what it charged", async () => {
    const { clock, first, second } = createStreamNodes();
    const source = generation().say("a", "b");
    const own = first.open(source).attach(0);
    for (const _ of [1, 2]) await meanwhile(clock, own.next());
    expect(await meanwhile(clock, first.streams.handOverAll())).toBe(1);
    expect(await own.next()).toEqual({ type: "moved", seq: 2 });
    const stream = await meanwhile(clock, second.find(source.streamId));
    const cursor = await meanwhile(clock, Promise.resolve(stream.attach(2)));
    const [resumed] = second.resumed;
    expect(resumed?.begun).toMatchObject({ text: "ab", isUnpaid: false, delivered: { frames: 0 } });
    expect(second.givenUp).toEqual([]);
    resumed?.generation.say("c").end();
    expect(textOf(await meanwhile(clock, readAll(cursor)))).toBe("c");
  });

  test.each(["before", "while"])(
    "what a client cancels %s its node stops is left to nobody",
    async (when) => {
      const { clock, first } = createStreamNodes();
      const stream = first.open(generation().say("a"));
      const own = stream.attach(0);
      await meanwhile(clock, own.next());
      if (when === "before") stream.cancel();
      const leaving = first.streams.handOverAll();
      if (when === "while") expect(stream.cancel()).toBe(true);
      expect(await meanwhile(clock, leaving)).toBe(0);
      expect(await own.next()).toMatchObject({ type: "done", final: { outcome: "cancelled" } });
    },
  );

  test("a cancel that comes as a stream is being left is carried out by the node that has it next", async () => {
    const { clock, first, second } = createStreamNodes();
    const source = generation().say("a");
    const own = first.open(source).attach(0);
    await meanwhile(clock, own.next());
    const stream = await meanwhile(clock, second.find(source.streamId));
    const journal = first.streams.ownJournal(source.streamId);
    const leaving = first.streams.handOverAll();
    while (journal?.isBeingLeft !== true) await Promise.resolve();
    expect(journal.cancel()).toBe(false);
    const cancelling = Promise.resolve(stream.cancel());
    expect(await meanwhile(clock, leaving)).toBe(1);
    expect(await meanwhile(clock, cancelling)).toBe(true);
    expect(second.resumed).toHaveLength(1);
  });
});
