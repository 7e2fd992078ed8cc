import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Consumption, MessageLog } from "./message-log.ts";

/** One log through two connections. */
export interface MessageLogUnderTest {
  readonly log: MessageLog;
  readonly other: MessageLog;
  /** Lets so much time pass. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** What every log must do. Run once for each. */
export function messageLogSuite(name: string, open: () => Promise<MessageLogUnderTest>): void {
  describe(`message log: ${name}`, () => {
    let world: MessageLogUnderTest;
    let log: MessageLog;
    let other: MessageLog;
    let consumptions: Consumption[];
    beforeEach(async () => {
      world = await open();
      ({ log, other } = world);
      consumptions = [];
    });
    afterEach(async () => {
      for (const consumption of consumptions) consumption.close();
      await Promise.all(consumptions.map(({ ended }) => ended));
      await world.close();
    });

    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    const text = (message: Uint8Array): string => new TextDecoder().decode(message);
    const consume: MessageLog["consume"] = (...parameters) => opened(log.consume(...parameters));
    const opened = (consumption: Consumption): Consumption => {
      consumptions.push(consumption);
      return consumption;
    };
    const until = async (isSo: () => boolean): Promise<void> => {
      while (!isSo()) await world.pass(5);
    };

    test("hands on what was appended, in order, also what was there before", async () => {
      for (const n of [1, 2, 3]) await log.append("usage.a", bytes(`${n}`));
      const seen: string[] = [];
      consume("a", "usage.a", async (message) => void seen.push(text(message)));
      await until(() => seen.length === 3);
      await Promise.all([4, 5, 6].map((n) => other.append("usage.a", bytes(`${n}`))));
      await until(() => seen.length === 6);
      expect(seen.slice(0, 3)).toEqual(["1", "2", "3"]);
      expect(seen.slice(3).sort()).toEqual(["4", "5", "6"]);
    });

    test("keeps subjects apart, and names those that hold something", async () => {
      await log.append("usage.a", bytes("a"));
      await log.append("usage.b", bytes("b"));
      const seen: string[] = [];
      consume("b", "usage.b", async (message) => void seen.push(text(message)));
      await until(() => seen.length === 1);
      expect(seen).toEqual(["b"]);
      expect([...(await log.subjects())].sort()).toEqual(["usage.a", "usage.b"]);
    });

    test("hands on the next only when the one before was taken, to whoever of a name asks", async () => {
      for (let n = 0; n < 20; n += 1) await log.append("usage.a", bytes(`${n}`));
      const seen: string[] = [];
      let running = 0;
      let most = 0;
      const handler = async (message: Uint8Array): Promise<void> => {
        running += 1;
        most = Math.max(most, running);
        await Promise.resolve();
        seen.push(text(message));
        running -= 1;
      };
      consume("a", "usage.a", handler);
      opened(other.consume("a", "usage.a", handler));
      await until(() => seen.length === 20);
      expect(most).toBe(1);
      expect(seen).toEqual(Array.from({ length: 20 }, (_, n) => `${n}`));
    });

    test("hands on again what was not taken, before anything else", async () => {
      for (const n of [1, 2]) await log.append("usage.a", bytes(`${n}`));
      const seen: [string, number][] = [];
      consume("a", "usage.a", async (message, deliveries) => {
        seen.push([text(message), deliveries]);
        if (text(message) === "1" && deliveries < 3) throw new Error("not yet");
      });
      await until(() => seen.length === 4);
      expect(seen).toEqual([
        ["1", 1],
        ["1", 2],
        ["1", 3],
        ["2", 1],
      ]);
    });

    test("goes on at the other consumer of a name when one is closed", async () => {
      await log.append("usage.a", bytes("1"));
      const seen: string[] = [];
      const handler = async (message: Uint8Array): Promise<void> => void seen.push(text(message));
      const first = consume("a", "usage.a", handler);
      await until(() => seen.length === 1);
      first.close();
      await first.ended;
      opened(other.consume("a", "usage.a", handler));
      await log.append("usage.a", bytes("2"));
      await until(() => seen.length === 2);
      expect(seen).toEqual(["1", "2"]);
    });

    test("ends when it is closed, after the handler that runs", async () => {
      await log.append("usage.a", bytes("1"));
      const { promise, resolve } = Promise.withResolvers<void>();
      let state = "waiting";
      const consumption = consume("a", "usage.a", async () => {
        state = "running";
        await promise;
        state = "done";
      });
      await until(() => state === "running");
      consumption.close();
      resolve();
      await consumption.ended;
      expect(state).toBe("done");
    });
  });
}
