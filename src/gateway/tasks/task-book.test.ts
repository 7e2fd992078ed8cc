import { beforeEach, describe, expect, test } from "bun:test";
import { keyId, requestId, taskId, tenantId } from "../../core/ids.ts";
import { silentLog as log } from "../../core/log.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import type { Task } from "../../core/task.ts";
import type { TaskChange, TaskEnd } from "../../ledger/tasks.ts";
import { TaskBook } from "./task-book.ts";
import { BLANK } from "./task-ports.ts";
import { LetGo } from "./waiting.ts";

const id = taskId("task_1");
const task: Task = {
  ...BLANK,
  id,
  tenant: tenantId("t"),
  key: keyId("k"),
  operation: "image",
  model: "m",
  charge: requestId("r"),
  metadata: undefined,
  about: undefined,
  webhook: undefined,
  createdAt: 0,
};
let clock: ManualClock;
let written: TaskChange[];
let ends: TaskEnd[];
let released: number;
/** What the ledger answers, in turn; then true. */
let answers: (boolean | Error)[];
let book: TaskBook;
beforeEach(() => {
  clock = new ManualClock();
  written = [];
  ends = [];
  released = 0;
  answers = [];
  const answer = (): boolean => {
    const next = answers.shift() ?? true;
    if (next instanceof Error) throw next;
    return next;
  };
  book = new TaskBook(
    {
      clock,
      log,
      told() {},
      ending: async () => {},
      ledger: {
        async move(_, change) {
          const isOurs = answer();
          if (isOurs) written.push(change);
          return isOurs;
        },
        async end(_, end) {
          const isOurs = answer();
          if (isOurs) ends.push(end);
          return isOurs;
        },
        async release() {
          released += 1;
        },
      },
    },
    { id, run: 1 },
    task,
  );
});
const away = () => new Error("the ledger is away");
/** Lets what waits for the clock go on until it is over. */
async function finished<T>(doing: Promise<T>): Promise<T> {
  let isOver = false;
  const done = doing.finally(() => {
    isOver = true;
  });
  done.catch(() => {}); // looked at below
  while (!isOver) await clock.advance(500);
  return done;
}

describe("what is written of a task", () => {
  test("is let go as soon as the task is another run's", async () => {
    answers = [false];
    await expect(book.move({ state: "running" })).rejects.toBeInstanceOf(LetGo);
    expect(written).toEqual([]);
  });

  test("is tried again while the ledger is away, and let go when it stays away", async () => {
    answers = [away(), away()];
    await finished(book.move({ state: "submitting", vendorModel: "v" }));
    expect(book.task).toMatchObject({ state: "submitting", vendorModel: "v" });
    answers = Array.from({ length: 5 }, away);
    await expect(finished(book.move({ state: "running" }))).rejects.toBeInstanceOf(LetGo);
  });

  test("of its progress are steps that somebody could want to see, and a bounded number of them", async () => {
    await book.progress(undefined);
    await book.progress(0.2);
    await book.progress(0.5);
    await clock.advance(1_000);
    await book.progress(0.201);
    await book.progress(0.1);
    await book.progress(0.5);
    expect(written.map(({ progress }) => progress)).toEqual([0.2, 0.5]);
    for (let step = 0; step < 400; step += 1) {
      await clock.advance(1_000);
      await book.progress(0.5 + step / 40);
    }
    expect(written.length).toBe(120);
  });

  test("of its end is worth more patience, and counts once", async () => {
    answers = Array.from({ length: 20 }, away);
    await finished(book.end({ state: "succeeded", result: { pictures: [] } }));
    expect(ends).toMatchObject([{ state: "succeeded", event: { state: "succeeded" } }]);
    expect(book.task).toMatchObject({ state: "succeeded", progress: 1 });
    await book.letGo();
    expect(released).toBe(0);
  });

  test("of its end is nothing when another run has ended it", async () => {
    answers = [false];
    await book.end({ state: "succeeded" });
    expect(book.task.state).toBe("queued");
    await book.letGo();
    expect(released).toBe(1);
  });
});
