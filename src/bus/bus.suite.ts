import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { SluiceError } from "../core/errors.ts";
import { type Bus, BusError } from "./bus.ts";

/** Two connections to one bus; on a transport without connections the same object twice. */
export interface BusUnderTest {
  readonly bus: Bus;
  readonly other: Bus;
  /** Resolves when everything subscribed and published so far has taken effect. */
  settle(): Promise<void>;
  /** Ends both connections and whatever stands behind them. */
  close(): Promise<void>;
}

/** What every transport must do. Run once for each. */
export function busSuite(name: string, open: () => Promise<BusUnderTest>): void {
  describe(`bus: ${name}`, () => {
    let world: BusUnderTest;
    let bus: Bus;
    let other: Bus;
    const patient = { timeoutMs: 5_000 };

    beforeEach(async () => {
      world = await open();
      ({ bus, other } = world);
    });
    afterEach(() => world.close());

    const failure = (asked: Promise<unknown>): Promise<unknown> =>
      asked.then(
        () => "answered",
        (thrown: unknown) => thrown,
      );

    test("a request is answered by whoever serves its subject", async () => {
      other.serve("greet.one", async (payload, subject) => ({ payload, subject }));
      await world.settle();
      expect(await bus.request("greet.one", "hello", patient)).toEqual({
        payload: "hello",
        subject: "greet.one",
      });
    });

    test("payloads keep bigints, bytes, maps, nesting and large numbers", async () => {
      other.serve("echo", async (payload) => payload);
      await world.settle();
      const payload = {
        amount: 12_500_000n,
        debt: -3n,
        huge: 2n ** 63n,
        map: new Map<string, unknown>([["a", 1n]]),
        list: [1, 2.5, null, "é", true, { deep: [] }],
        time: 1_790_000_000_123,
        infinite: Number.POSITIVE_INFINITY,
      };
      expect(await bus.request("echo", payload, patient)).toEqual(payload);
      const bytes = await bus.request("echo", new Uint8Array([1, 2, 255]), patient);
      expect(bytes).toBeInstanceOf(Uint8Array);
      expect([...(bytes as Uint8Array)]).toEqual([1, 2, 255]);
    });

    test("a property that is undefined reads as undefined, and so does no answer at all", async () => {
      other.serve("echo", async (payload) => payload);
      await world.settle();
      const reply = await bus.request("echo", { a: undefined, b: 1 }, patient);
      expect(reply).toMatchObject({ b: 1 });
      expect((reply as { a?: unknown }).a).toBeUndefined();
      expect((await bus.request("echo", undefined, patient)) ?? null).toBeNull();
    });

    test("the receiver gets its own copy", async () => {
      const kept: { list: number[] }[] = [];
      other.serve("keep", async (payload) => {
        kept.push(payload as { list: number[] });
        return payload;
      });
      await world.settle();
      const sent = { list: [1] };
      const asking = bus.request("keep", sent, patient);
      sent.list.push(2);
      expect(await asking).toEqual({ list: [1] });
      expect(kept[0]).toEqual({ list: [1] });
    });

    test("a subject that nobody serves is told at once", async () => {
      const thrown = await failure(bus.request("nobody.here", 1, { timeoutMs: 60_000 }));
      expect(thrown).toBeInstanceOf(BusError);
      expect(thrown).toMatchObject({ kind: "no_responders", subject: "nobody.here" });
    });

    test("a server that does not answer in time is a timeout, and its late answer disturbs nobody", async () => {
      let finish: (value: string) => void = () => {};
      other.serve("slow", () => new Promise((resolve) => (finish = resolve)));
      await world.settle();
      expect(await failure(bus.request("slow", 1, { timeoutMs: 20 }))).toMatchObject({ kind: "timeout" });
      finish("late");
      other.serve("quick", async () => "now");
      await world.settle();
      expect(await bus.request("quick", 1, patient)).toBe("now");
    });

    test("what the server threw arrives as remote, with its code", async () => {
      other.serve("refuse", async () => {
        throw new SluiceError("insufficient_points", "Not enough.");
      });
      other.serve("break", async () => {
        throw new TypeError("oops");
      });
      await world.settle();
      const refused = await failure(bus.request("refuse", 1, patient));
      expect(refused).toMatchObject({ kind: "remote", code: "insufficient_points" });
      const broken = await failure(bus.request("break", 1, patient));
      expect(broken).toMatchObject({ kind: "remote" });
      expect((broken as BusError).code).toBeUndefined();
    });

    test("servers of one subject share the requests: each is answered once", async () => {
      const seen: string[] = [];
      bus.serve("shared", async () => void seen.push("a"));
      other.serve("shared", async () => void seen.push("b"));
      await world.settle();
      for (let asked = 0; asked < 40; asked += 1) await bus.request("shared", asked, patient);
      expect(seen).toHaveLength(40);
      expect(new Set(seen)).toEqual(new Set(["a", "b"]));
    });

    test("a published message reaches every subscriber, and one who serves the subject none", async () => {
      const seen: unknown[] = [];
      bus.subscribe("news.today", (payload) => void seen.push(["a", payload]));
      other.subscribe("news.today", (payload) => void seen.push(["b", payload]));
      await world.settle();
      bus.publish("news.today", 1);
      bus.publish("news.tomorrow", 2);
      await world.settle();
      expect(seen.toSorted()).toEqual([
        ["a", 1],
        ["b", 1],
      ]);
    });

    test("one subscriber sees messages in the order they were published", async () => {
      const seen: unknown[] = [];
      other.subscribe("count", (payload) => void seen.push(payload));
      await world.settle();
      for (let index = 0; index < 100; index += 1) bus.publish("count", index);
      await world.settle();
      expect(seen).toEqual(Array.from({ length: 100 }, (_, index) => index));
    });

    test("a star covers one token, an arrow the rest", async () => {
      const seen: string[] = [];
      other.subscribe("tenant.*.changed", (_, subject) => void seen.push(`star ${subject}`));
      other.subscribe("tenant.>", (_, subject) => void seen.push(`arrow ${subject}`));
      await world.settle();
      for (const subject of ["tenant.a.changed", "tenant.a.b.changed", "tenant", "tenant.a.view"]) {
        bus.publish(subject, null);
      }
      await world.settle();
      expect(seen.toSorted()).toEqual([
        "arrow tenant.a.b.changed",
        "arrow tenant.a.changed",
        "arrow tenant.a.view",
        "star tenant.a.changed",
      ]);
    });

    test("a closed subscription gets nothing more", async () => {
      const seen: unknown[] = [];
      const subscription = other.subscribe("news", (payload) => void seen.push(payload));
      const service = other.serve("ask", async () => "yes");
      await world.settle();
      subscription.close();
      service.close();
      await world.settle();
      bus.publish("news", 1);
      await world.settle();
      expect(seen).toEqual([]);
      expect(await failure(bus.request("ask", 1, patient))).toMatchObject({ kind: "no_responders" });
    });

    test("closing rejects what is pending and everything after", async () => {
      other.serve("never", () => new Promise(() => {}));
      await world.settle();
      const pending = failure(bus.request("never", 1, patient));
      await world.settle();
      await bus.close();
      expect(await pending).toMatchObject({ kind: "closed" });
      expect(await failure(bus.request("never", 1, patient))).toMatchObject({ kind: "closed" });
    });
  });
}
