import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { KeyValue } from "./key-value.ts";

/** One store through two connections. */
export interface KeyValueUnderTest {
  readonly store: KeyValue;
  readonly other: KeyValue;
  /** Lets so much time pass. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** What every store must do. Run once for each. */
export function keyValueSuite(name: string, open: (ageMs: number) => Promise<KeyValueUnderTest>): void {
  describe(`key-value store: ${name}`, () => {
    const AGE_MS = 1_000;
    let world: KeyValueUnderTest;
    let store: KeyValue;
    let other: KeyValue;

    beforeEach(async () => {
      world = await open(AGE_MS);
      ({ store, other } = world);
    });
    afterEach(() => world.close());

    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    const revisionOf = (revision: number | undefined): number => {
      if (revision === undefined) throw new Error("somebody else was first");
      return revision;
    };

    test("only one of many creates a key", async () => {
      const tries = Array.from({ length: 20 }, (_, n) =>
        (n % 2 === 0 ? store : other).create("k", bytes("v")),
      );
      const made = (await Promise.all(tries)).filter((revision) => revision !== undefined);
      expect(made).toHaveLength(1);
    });

    test("only one of many updates a revision, and the next needs the new one", async () => {
      const first = revisionOf(await store.create("k", bytes("1")));
      const tries = Array.from({ length: 20 }, (_, n) =>
        (n % 2 === 0 ? store : other).update("k", bytes("2"), first),
      );
      const made = (await Promise.all(tries)).filter((revision) => revision !== undefined);
      expect(made).toHaveLength(1);
      expect(await store.update("k", bytes("3"), first)).toBeUndefined();
      expect(await other.update("k", bytes("3"), revisionOf(made[0]))).toBeGreaterThan(revisionOf(made[0]));
    });

    test("a deleted key can be created again; only its revision deletes it", async () => {
      const first = revisionOf(await store.create("k", bytes("1")));
      const second = revisionOf(await store.update("k", bytes("2"), first));
      expect(await other.delete("k", first)).toBe(false);
      expect(await other.delete("k", second)).toBe(true);
      expect(await store.update("k", bytes("3"), second)).toBeUndefined();
      expect(await store.create("k", bytes("3"))).toBeGreaterThan(second);
    });

    test("a value ends by itself unless it is written again", async () => {
      let kept = revisionOf(await store.create("kept", bytes("1")));
      const ended = revisionOf(await store.create("ended", bytes("1")));
      for (let round = 0; round < 4; round += 1) {
        await world.pass(AGE_MS / 2);
        kept = revisionOf(await store.update("kept", bytes("1"), kept));
      }
      expect(await other.create("kept", bytes("2"))).toBeUndefined();
      expect(await other.create("ended", bytes("2"))).toBeGreaterThan(ended);
      expect(await store.update("ended", bytes("1"), ended)).toBeUndefined();
    });

    test("a watch tells what is there, then what changes", async () => {
      const first = revisionOf(await store.create("a", bytes("1")));
      const seen: unknown[] = [];
      const text = (value: Uint8Array) => new TextDecoder().decode(value);
      const watch = other.watch((key, entry) =>
        seen.push([key, entry && text(entry.value), entry?.revision]),
      );
      await until(() => seen.length === 1);
      const second = revisionOf(await store.update("a", bytes("2"), first));
      const third = revisionOf(await store.create("b", bytes("3")));
      await store.delete("b", third);
      await until(() => seen.length === 4);
      expect(seen).toEqual([
        ["a", "1", first],
        ["a", "2", second],
        ["b", "3", third],
        ["b", undefined, undefined],
      ]);
      watch.close();
      await store.create("c", bytes("4"));
      expect(seen).toHaveLength(4);
    });

    const until = async (isSo: () => boolean): Promise<void> => {
      while (!isSo()) await Bun.sleep(1);
    };
  });
}
