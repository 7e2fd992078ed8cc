import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { SubjectLog } from "./subject-log.ts";

/** One log through two connections. */
export interface SubjectLogUnderTest {
  readonly log: SubjectLog;
  readonly other: SubjectLog;
  close(): Promise<void>;
}

/** What every log with one writer a subject must do. Run once for each. */
export function subjectLogSuite(name: string, open: () => Promise<SubjectLogUnderTest>): void {
  describe(`subject log: ${name}`, () => {
    let world: SubjectLogUnderTest;
    let log: SubjectLog;
    let other: SubjectLog;
    beforeEach(async () => {
      world = await open();
      ({ log, other } = world);
    });
    afterEach(() => world.close());

    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    const text = (message: Uint8Array | undefined): string => new TextDecoder().decode(message);

    test("takes a message after the last one and no other, whoever sends it", async () => {
      const first = await log.append("streams.a", bytes("1"), 0);
      if (first === undefined) throw new Error("the first message was refused");
      expect(await other.append("streams.a", bytes("x"), 0)).toBeUndefined();
      const second = await other.append("streams.a", bytes("2"), first);
      expect(second).toBeGreaterThan(first);
      expect(await log.append("streams.a", bytes("y"), first)).toBeUndefined();
    });

    test("of many who append at a time, one is taken", async () => {
      const tries = Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? log : other).append("streams.b", bytes(`${index}`), 0),
      );
      const taken = (await Promise.all(tries)).filter((number) => number !== undefined);
      expect(taken).toHaveLength(1);
      expect((await other.last("streams.b"))?.number).toBe(taken[0]);
    });

    test("of many subjects at a time each is taken under its own number, and who lost the race loses alone", async () => {
      const held = await other.append("streams.many-7", bytes("another's"), 0);
      const subjects = Array.from({ length: 300 }, (_, index) => `streams.many-${index}`);
      for (const round of ["first", "second"]) {
        const before = await Promise.all(subjects.map(async (one) => (await log.last(one))?.number ?? 0));
        before[7] = 0;
        const numbers = await Promise.all(
          subjects.map((one, index) => log.append(one, bytes(`${round} ${one}`), before[index] ?? 0)),
        );
        expect(numbers.flatMap((number, index) => (number === undefined ? [index] : []))).toEqual([7]);
        for (const index of [0, 6, 8, 150, 299]) {
          const last = await other.last(subjects[index] ?? "");
          expect([last?.number, text(last?.message)]).toEqual([
            numbers[index] ?? 0,
            `${round} ${subjects[index]}`,
          ]);
        }
      }
      expect((await log.last("streams.many-7"))?.number).toBe(held ?? 0);
    });

    test("is read one after the other, each subject by itself", async () => {
      let last = 0;
      for (const word of ["one", "two", "three"]) {
        last = (await log.append("streams.c", bytes(word), last)) ?? 0;
        await log.append(`streams.c-${word}`, bytes("noise"), 0);
      }
      const words: string[] = [];
      for (let found = await other.next("streams.c", 0); found !== undefined; ) {
        words.push(text(found.message));
        found = await other.next("streams.c", found.number);
      }
      expect(words).toEqual(["one", "two", "three"]);
      expect(text((await other.last("streams.c"))?.message)).toBe("three");
    });

    test("of a subject without messages nothing is read", async () => {
      expect(await log.last("streams.none")).toBeUndefined();
      expect(await log.next("streams.none", 0)).toBeUndefined();
    });

    test("bytes stay as they are", async () => {
      const all = Uint8Array.from({ length: 256 }, (_, index) => index);
      await log.append("streams.d", all, 0);
      const found = await other.last("streams.d");
      expect([...(found?.message ?? [])]).toEqual([...all]);
    });
  });
}
