import { beforeEach, describe, expect, test } from "bun:test";
import { type TaskId, taskId } from "../../core/ids.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import type { TaskEvent } from "../../ledger/tasks.ts";
import { TaskFeed } from "./task-feed.ts";

const id = taskId("task_1");
let clock: ManualClock;
let events: TaskEvent[];
let looks: number;
let feed: TaskFeed;
beforeEach(() => {
  clock = new ManualClock();
  events = [];
  looks = 0;
  feed = new TaskFeed({
    clock,
    ledger: {
      events: async (_, after) => events.filter(({ seq }) => seq > after),
      async lastEvents(ids) {
        looks += 1;
        return new Map<TaskId, number>(ids.map((one) => [one, events.length]));
      },
    },
  });
});
const happen = () => void events.push({ seq: events.length + 1, data: {} });
const seqs = (read: readonly TaskEvent[]) => read.map(({ seq }) => seq);

describe("a reader of a task", () => {
  test("gets what there is, then what is told here, each once", async () => {
    happen();
    const reader = feed.read(id, 0);
    expect(seqs(await reader.next())).toEqual([1]);
    const next = reader.next();
    await Bun.sleep(0);
    happen();
    feed.told(id);
    expect(seqs(await next)).toEqual([2]);
    reader.close();
    expect(feed.readers).toBe(0);
  });

  test("hears within a second of what another node wrote, with one question for all readers", async () => {
    const readers = [feed.read(id, 0), feed.read(id, 0), feed.read(taskId("task_2"), 0)];
    const waiting = readers.slice(0, 2).map((reader) => reader.next());
    await Bun.sleep(0);
    happen();
    await clock.advance(1_000);
    expect((await Promise.all(waiting)).map(seqs)).toEqual([[1], [1]]);
    expect(looks).toBe(1);
    for (const reader of readers) reader.close();
    await clock.advance(5_000);
    expect(looks).toBe(1);
  });

  test("goes on hearing when another one that waits beside it leaves", async () => {
    const staying = feed.read(id, 0);
    const leaving = feed.read(id, 0);
    leaving.close();
    const next = staying.next();
    await Bun.sleep(0);
    happen();
    feed.told(id);
    expect(seqs(await next)).toEqual([1]);
  });

  test("that leaves while it waits is let go, and when the node stops all are", async () => {
    const reader = feed.read(id, 0);
    const next = reader.next();
    await Bun.sleep(0);
    reader.close();
    expect(await next).toEqual([]);
    const other = feed.read(id, 0).next();
    await Bun.sleep(0);
    feed.close();
    await expect(other).rejects.toThrow("stopping");
    expect(() => feed.read(id, 0)).toThrow("Too many");
  });

  test("is one of a bounded number", () => {
    for (let count = 0; count < 2_000; count += 1) feed.read(id, 0);
    expect(() => feed.read(id, 0)).toThrow("Too many readers");
  });
});
