import { describe, expect, test } from "bun:test";
import { SluiceError } from "../../core/errors.ts";
import { tenantId } from "../../core/ids.ts";
import { ScriptedGeneration } from "../testing/scripted-generation.ts";
import type { StreamAbout, StreamEntry } from "./entry.ts";
import { type JournalHooks, StreamJournal } from "./journal.ts";
import type { StreamCursor } from "./live-stream.ts";
import { Ring } from "./ring.ts";

const QUIET: JournalHooks = { attached() {}, detached() {}, ended() {}, moved() {}, soon: setImmediate };

function open(generation = new ScriptedGeneration("a"), hooks = QUIET, ring?: Ring) {
  const { streamId, started } = generation;
  const about: StreamAbout = {
    ...started,
    streamId,
    tenant: tenantId("t"),
    operation: "chat",
    created: 0,
    includeUsage: false,
  };
  return {
    generation,
    journal: new StreamJournal(generation, about, hooks, ring === undefined ? {} : { ring }),
  };
}

async function readAll(cursor: StreamCursor): Promise<StreamEntry[]> {
  const entries: StreamEntry[] = [];
  for (let entry = await cursor.next(); entry !== null; entry = await cursor.next()) entries.push(entry);
  return entries;
}

const textOf = (entries: readonly StreamEntry[]): string =>
  entries.map((entry) => (entry.type === "delta" ? (entry.text ?? "") : "")).join("");

/** Lets everything that is ready to go on go on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("one reader", () => {
  test("gets gapless numbers from 1 and exactly one done, the last", async () => {
    const { generation, journal } = open();
    const reading = readAll(journal.attach(0));
    generation.say("Hel", "lo", "!").end();
    const entries = await reading;
    expect(entries.map((entry) => entry.seq)).toEqual([1, 2, 3, 4]);
    expect(entries.map((entry) => entry.type)).toEqual(["delta", "delta", "delta", "done"]);
    expect(textOf(entries)).toBe("Hello!");
    expect(entries.at(-1)).toMatchObject({
      final: { outcome: "completed" },
      finishes: [{ choice: 0, reason: "stop", opens: false }],
    });
  });

  test("that has very much before it lets others have turns of the event loop between", async () => {
    const { generation, journal } = open();
    generation.say(...Array.from({ length: 5_000 }, String)).end();
    await journal.ended;
    let turns = 0;
    let isRead = false;
    const count = (): void => {
      turns += 1;
      if (!isRead) setImmediate(count);
    };
    setImmediate(count);
    const entries = await readAll(journal.attach(0));
    isRead = true;
    expect(entries.map(({ seq }) => seq)).toEqual(Array.from({ length: 5_001 }, (_, at) => at + 1));
    expect(turns).toBeGreaterThan(10);
  });

  test("that leaves between two turns is told nothing more", async () => {
    const { generation, journal } = open();
    generation.say(...Array.from({ length: 1_000 }, String)).end();
    await journal.ended;
    const cursor = journal.attach(0);
    let next = cursor.next();
    for (let read = 1; read < 1_000 && !(next instanceof Promise); read += 1) next = cursor.next();
    cursor.close();
    expect(next).toBeInstanceOf(Promise);
    expect(await next).toBeNull();
  });

  test("is answered without a promise what is there already", async () => {
    const { generation, journal } = open();
    generation.say("a", "b").end();
    await journal.ended;
    const cursor = journal.attach(0);
    expect(cursor.next()).toMatchObject({ seq: 1, text: "a" });
    expect(cursor.next()).toMatchObject({ seq: 2, text: "b" });
    expect(cursor.next()).toMatchObject({ seq: 3, type: "done" });
    expect(cursor.next()).toBeNull();
  });

  test("that comes after the end gets the same", async () => {
    const { generation, journal } = open();
    generation.say("a", "b").end();
    await journal.ended;
    expect(textOf(await readAll(journal.attach(0)))).toBe("ab");
    expect((await readAll(journal.attach(1))).map((entry) => entry.seq)).toEqual([2, 3]);
    expect((await readAll(journal.attach(2))).map((entry) => entry.type)).toEqual(["done"]);
  });

  test("that had the end already is told the end again", async () => {
    const { generation, journal } = open();
    generation.say("a").end();
    await journal.ended;
    expect((await readAll(journal.attach(2))).map((entry) => entry.seq)).toEqual([2]);
  });

  test("is refused beyond the last event", async () => {
    const { generation, journal } = open();
    generation.say("a");
    await settled();
    expect(() => journal.attach(2)).toThrow("has 1 events so far");
    generation.end();
    await journal.ended;
    expect(() => journal.attach(3)).toThrow("has 2 events so far");
  });

  test("that closes while it waits gets null", async () => {
    const { journal } = open();
    const cursor = journal.attach(0);
    const pending = cursor.next();
    cursor.close();
    expect(await pending).toBeNull();
    expect(await cursor.next()).toBeNull();
  });

  test("knows how much it could read at once", async () => {
    const { generation, journal } = open();
    const cursor = journal.attach(0);
    expect(cursor.backlog).toBe(0);
    generation.say("x".repeat(1_000));
    await settled();
    expect(cursor.backlog).toBeGreaterThanOrEqual(1_000);
    await cursor.next();
    expect(cursor.backlog).toBe(0);
  });
});

test("several readers read the same, each at its own pace and from its own place", async () => {
  const { generation, journal } = open();
  const [live, late] = [readAll(journal.attach(0)), journal.attach(0)];
  generation.say("a", "b");
  await settled();
  const middle = readAll(journal.attach(1));
  generation.say("c").end();
  expect(textOf(await live)).toBe("abc");
  expect(textOf(await readAll(late))).toBe("abc");
  expect(textOf(await middle)).toBe("bc");
});

test("fifty cuts at any point give the same text as none", async () => {
  const { generation, journal } = open();
  const words = Array.from({ length: 500 }, (_, index) => `w${index} `);
  generation.say(...words).end();
  let text = "";
  let after = 0;
  for (let cut = 0; cut < 50; cut += 1) {
    const cursor = journal.attach(after);
    for (let count = 0; count < (cut * 7) % 19; count += 1) {
      const entry = await cursor.next();
      if (entry?.type !== "delta") break;
      text += entry.text;
      after = entry.seq;
    }
    cursor.close();
  }
  expect(text + textOf(await readAll(journal.attach(after)))).toBe(words.join(""));
});

describe("a full ring", () => {
  const RING = 96 * 1024;
  const PIECE = "x".repeat(8 * 1024);
  const pieces = (count: number) => Array.from({ length: count }, () => PIECE);

  test("holds the vendor back until the slowest reader has read", async () => {
    const { generation, journal } = open(undefined, undefined, new Ring(RING));
    const slow = journal.attach(0);
    const fast = readAll(journal.attach(0));
    generation.say(...pieces(40)).end();
    await settled();
    const held = generation.pulled;
    expect(held).toBeLessThan(20);
    await settled();
    expect(generation.pulled).toBe(held);
    expect(textOf(await readAll(slow))).toBe(pieces(40).join(""));
    expect(textOf(await fast)).toBe(pieces(40).join(""));
    expect(journal.size).toBeLessThanOrEqual(RING);
  });

  test("forgets what all readers have read, and who asks for it is told where it could go on", async () => {
    const { generation, journal } = open(undefined, undefined, new Ring(RING));
    const reading = readAll(journal.attach(0));
    generation.say(...pieces(40)).end();
    await reading;
    expect(journal.size).toBeLessThanOrEqual(RING);
    const thrown = thrownBy(() => journal.attach(3));
    expect(thrown).toMatchObject({ code: "not_found", status: 410 });
    const earliest = Number(/after (\d+) at the earliest/.exec(String(thrown))?.[1]);
    expect((await readAll(journal.attach(earliest)))[0]?.seq).toBe(earliest + 1);
  });

  test("lets go when the slow reader leaves and another still reads", async () => {
    const { generation, journal } = open(undefined, undefined, new Ring(RING));
    const slow = journal.attach(0);
    const fast = readAll(journal.attach(0));
    generation.say(...pieces(40)).end();
    await settled();
    slow.close();
    expect(textOf(await fast)).toBe(pieces(40).join(""));
  });

  test("keeps for the last reader that left what it had not read, and the entry it was last given", async () => {
    const { generation, journal } = open(undefined, undefined, new Ring(RING));
    const reader = journal.attach(0);
    generation.say(...pieces(40)).end();
    for (let count = 0; count < 5; count += 1) await reader.next();
    await settled();
    reader.close();
    await settled();
    expect(journal.done).toBeUndefined();
    expect((await readAll(journal.attach(4))).map((entry) => entry.seq)).toEqual(
      Array.from({ length: 37 }, (_, index) => index + 5),
    );
  });

  test("lets go when the stream is cancelled; the slow reader still gets its end", async () => {
    const { generation, journal } = open(undefined, undefined, new Ring(RING));
    const slow = journal.attach(0);
    generation.say(...pieces(40));
    await settled();
    journal.cancel();
    await journal.ended;
    const entries = await readAll(slow);
    expect(entries.map((entry) => entry.seq)).toEqual(entries.map((_, index) => index + 1));
    expect(entries.at(-1)).toMatchObject({ type: "done", final: { outcome: "cancelled" } });
  });
});

test("cancelling reaches the generation once and ends with outcome cancelled", async () => {
  const { generation, journal } = open();
  const reading = readAll(journal.attach(0));
  generation.say("a");
  await settled();
  journal.cancel();
  journal.cancel();
  expect(generation.isCancelled).toBe(true);
  const entries = await reading;
  expect(entries.at(-1)).toMatchObject({ type: "done", seq: 2, final: { outcome: "cancelled" } });
});

test("a generation that breaks ends as failed, never as a normal end", async () => {
  const generation = new ScriptedGeneration("broken");
  generation.poll = () => {
    throw new Error("boom");
  };
  const { journal } = open(generation);
  const [done] = await readAll(journal.attach(0));
  expect(done).toMatchObject({ type: "done", seq: 1, final: { outcome: "failed" } });
});

test("the hooks tell when the last reader leaves, not when one of two does, and not after the end", async () => {
  const told: string[] = [];
  const { generation, journal } = open(new ScriptedGeneration("a"), {
    attached: () => told.push("attached"),
    detached: () => told.push("detached"),
    ended: () => told.push("ended"),
    moved: () => told.push("moved"),
    soon: setImmediate,
  });
  const [first, second] = [journal.attach(0), journal.attach(0)];
  first.close();
  expect(told).toEqual(["attached", "attached"]);
  second.close();
  second.close();
  expect(told).toEqual(["attached", "attached", "detached"]);
  generation.end();
  await journal.ended;
  journal.attach(0).close();
  expect(told).toEqual(["attached", "attached", "detached", "ended", "attached"]);
});

function thrownBy(run: () => unknown): SluiceError {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof SluiceError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}
