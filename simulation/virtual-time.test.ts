import { expect, test } from "bun:test";
import { seededRandom } from "../src/core/random.ts";
import { VirtualTime } from "./virtual-time.ts";

test("alarms go off in the order of their times, and of one moment in the order in which they were set", async () => {
  const time = new VirtualTime();
  const rang: string[] = [];
  time.after(20, () => rang.push("second"));
  time.after(10, () => rang.push("first"));
  time.after(20, () => rang.push("third"));
  await time.pass(20);
  expect(rang).toEqual(["first", "second", "third"]);
});

test("what follows from an alarm happens before the next, at its own moment", async () => {
  const time = new VirtualTime();
  const seen: number[] = [];
  time.after(5, () => void Promise.resolve().then(() => seen.push(time.monotonic())));
  time.after(6, () => seen.push(time.monotonic()));
  await time.pass(10);
  expect(seen).toEqual([5, 6]);
  expect(time.monotonic()).toBe(10);
});

test("whatever is cancelled, in whatever order, only that is left out", async () => {
  const random = seededRandom(5);
  for (let round = 0; round < 50; round += 1) {
    const time = new VirtualTime();
    const rang: { at: number; number: number }[] = [];
    const alarms = Array.from({ length: 80 }, (_, number) => {
      const at = Math.floor(random.next() * 30);
      return { at, number, cancel: time.after(at, () => rang.push({ at, number })), isCancelled: false };
    });
    for (const alarm of alarms) {
      if (random.next() < 0.5) continue;
      const other = alarms[Math.floor(random.next() * alarms.length)] ?? alarm;
      other.cancel();
      other.cancel();
      other.isCancelled = true;
    }
    await time.pass(30);
    const left = alarms.filter(({ isCancelled }) => !isCancelled).map(({ at, number }) => ({ at, number }));
    expect(rang).toEqual(left.sort((a, b) => a.at - b.at || a.number - b.number));
  }
});

test("a repeated alarm that is cancelled by itself ends", async () => {
  const time = new VirtualTime();
  let rang = 0;
  const cancel = time.every(10, () => {
    rang += 1;
    if (rang === 3) cancel();
  });
  await time.pass(100);
  expect(rang).toBe(3);
});
