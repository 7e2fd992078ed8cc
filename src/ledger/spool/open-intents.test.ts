import { edenGC } from "bun:jsc";
import { expect, test } from "bun:test";
import { requestId } from "../../core/ids.ts";
import { micropointsOf } from "../../core/points.ts";
import { type Random, seededRandom } from "../../core/random.ts";
import { intentOf, progressOf } from "../testing/records.ts";
import { OpenIntents } from "./open-intents.ts";
import type { Segment } from "./segment.ts";

const µ = (amount: number) => micropointsOf(BigInt(amount));
const segmentOf = (number: number): Segment => ({
  number,
  path: "",
  descriptor: 0,
  first: 1n,
  length: 0,
  openIntents: 0,
  keptUntil: 0n,
});

/** Half of the ids end alike, and so stand in one chain. */
const idOf = (random: Random): string => {
  const number = Math.floor(random.next() * 3_000);
  return number % 2 === 0 ? `${number}-ending alike` : `r${number}`;
};

/** What is known of a request. */
interface Known {
  segment: Segment;
  progress: bigint | undefined;
  isEnding: boolean;
}

test("knows which requests run and where their INTENTs stand, whatever comes and goes in whatever order", () => {
  const random = seededRandom(7);
  const intents = new OpenIntents();
  const segments = [segmentOf(1), segmentOf(2), segmentOf(3)];
  const known = new Map<string, Known>();
  for (let step = 0; step < 20_000; step += 1) {
    const name = idOf(random);
    const id = requestId(name);
    const entry = known.get(name);
    const segment = segments[Math.floor(random.next() * segments.length)] ?? segmentOf(0);
    const kind = random.next();
    if (kind < 0.6) {
      intents.written(intentOf(name), segment);
      known.set(name, { progress: undefined, isEnding: false, ...entry, segment });
    } else if (kind < 0.7) {
      intents.written(progressOf(name, µ(step)), segment);
      if (entry !== undefined) entry.progress = BigInt(step);
    } else if (kind < 0.8) {
      intents.ends(id);
      if (entry !== undefined) entry.isEnding = true;
    } else if (kind < 0.85) {
      intents.goesOn(id);
      if (entry !== undefined) entry.isEnding = false;
    } else {
      intents.close(id);
      known.delete(name);
    }
    if (step % 1_000 === 0) compare();
  }
  for (const name of [...known.keys()]) {
    intents.close(requestId(name));
    known.delete(name);
  }
  compare();

  function compare(): void {
    expect(intents.count).toBe(known.size);
    for (const segment of segments) {
      const here = [...known].filter(([, entry]) => entry.segment === segment);
      expect(segment.openIntents).toBe(here.length);
      const expected = here.flatMap(([name, { progress, isEnding }]) => {
        if (isEnding) return [];
        return progress === undefined ? [`${name} runs`] : [`${name} runs`, `${name} at ${progress}`];
      });
      const told = intents
        .standingIn(segment)
        .map((record) => `${record.id} ${record.kind === "progress" ? `at ${record.cost}` : "runs"}`);
      expect(told.toSorted()).toEqual(expected.toSorted());
    }
  }
});

test("a request that ended takes nothing with it when another gets its place", () => {
  const intents = new OpenIntents();
  const [first, second] = [segmentOf(1), segmentOf(2)];
  intents.written(intentOf("a"), first);
  intents.written(progressOf("a", µ(1)), first);
  intents.ends(requestId("a"));
  intents.close(requestId("a"));
  intents.close(requestId("a"));
  expect(first.openIntents).toBe(0);
  intents.written(intentOf("b"), second);
  intents.close(requestId("a"));
  expect(intents.standingIn(second)).toEqual([intentOf("b")]);
  expect([intents.count, second.openIntents]).toEqual([1, 1]);
});

test("what ended is given up long before the whole heap is collected", async () => {
  const intents = new OpenIntents();
  const segment = segmentOf(1);
  const all: WeakRef<object>[] = [];
  for (let number = 0; number < 20_000; number += 1) {
    const intent = intentOf(`r${number}`);
    all.push(new WeakRef(intent));
    intents.written(intent, segment);
    intents.close(requestId(`r${number - 100}`));
    if (number % 2_000 > 0) continue;
    await Bun.sleep(0); // until then a `WeakRef` itself keeps what it was made for
    edenGC();
  }
  // The 100 that ran at each of the ten collections are old since; a `Map` leaves 12,000.
  expect(all.filter((intent) => intent.deref() !== undefined).length).toBeLessThan(3_000);
});
