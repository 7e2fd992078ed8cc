import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { silentLog as log } from "../core/log.ts";
import { bookUsage, isBeyondWatermark, type UsageBatch } from "./book-usage.ts";
import { registerNode } from "./nodes.ts";
import { node, usageEntry } from "./testing/records.ts";
import { type SmallLedger, smallLedger, tenant, µ } from "./testing/small-ledger.ts";
import { readWatermark } from "./watermark.ts";

let ledger: SmallLedger;
let epoch: bigint;
beforeEach(async () => {
  ledger = await smallLedger();
  await ledger.grant(1_000);
  ({ epoch } = await registerNode(ledger.sql, node));
});
afterEach(() => ledger.drop());

/** The records [from, to) of the spool, ten micropoints each. */
const batch = (from: number, to: number, changes: Partial<UsageBatch> = {}): UsageBatch => ({
  node,
  epoch,
  from: BigInt(from),
  to: { segment: 1, offset: to * 100, sequence: BigInt(to) },
  usages: Array.from({ length: to - from }, (_, n) => usageEntry(`r${from + n}`, { charged: µ(10) })),
  gaps: [],
  ...changes,
});
const book = (wanted: UsageBatch) => bookUsage({ sql: ledger.sql, log }, wanted);
const sequence = async () => (await readWatermark(ledger.sql, node)).sequence;
const spent = async () => (await ledger.accounts.balances(tenant)).spent;

describe("a batch of usage", () => {
  test("moves the watermark over what it books, and answers where it is", async () => {
    const booked = await book(batch(1, 4));
    const watermark = { epoch, segment: 1, offset: 400, sequence: 4n };
    expect(booked).toEqual({ applied: 3, watermark });
    expect(await readWatermark(ledger.sql, node)).toEqual(watermark);
  });

  test("that begins beyond the watermark is refused whole", async () => {
    await book(batch(1, 4));
    const thrown = await book(batch(5, 7)).catch((refused: unknown) => refused);
    expect(isBeyondWatermark(thrown)).toBe(true);
    expect([await sequence(), await spent()]).toEqual([4n, 30n]);
    await book(batch(4, 5));
    await book(batch(5, 7));
    expect([await sequence(), await spent()]).toEqual([7n, 60n]);
  });

  test("that begins before the watermark moves only what is new", async () => {
    await book(batch(1, 4));
    expect((await book(batch(2, 6))).applied).toBe(2);
    expect([await sequence(), await spent()]).toEqual([6n, 50n]);
    expect((await book(batch(1, 3))).watermark.sequence).toBe(6n);
    expect([await sequence(), await spent()]).toEqual([6n, 50n]);
  });

  test("that the ledger refuses in parts is held to the same order", async () => {
    const dear = usageEntry("dear", { charged: µ(5_000) });
    const thrown = await book(batch(3, 4, { usages: [dear] })).catch((refused: unknown) => refused);
    expect(isBeyondWatermark(thrown)).toBe(true);
    expect(await ledger.charges()).toEqual([]);
    await book(batch(1, 3, { usages: [dear] }));
    expect(await ledger.charges()).toMatchObject([{ id: "dear", charged: 1_000n, loss: 4_000n }]);
    expect(await sequence()).toBe(3n);
  });

  test("of an earlier opening of the spool is booked and leaves the watermark alone", async () => {
    await book(batch(1, 4));
    const before = epoch;
    ({ epoch } = await registerNode(ledger.sql, node));
    expect(epoch).toBe(before + 1n);
    // The disk was lost with what lay there: the numbers from 4 on are given again.
    expect((await book(batch(9, 12, { epoch: before }))).applied).toBe(3);
    expect([await sequence(), await spent()]).toEqual([4n, 60n]);
    await book(batch(4, 6));
    expect([await sequence(), await spent()]).toEqual([6n, 80n]);
  });

  test("notes its gaps together with the watermark, once", async () => {
    const gaps = [{ expected: 2n, found: 3n }];
    await book(batch(1, 4, { gaps }));
    await book(batch(1, 4, { gaps }));
    const [gap, ...more] = await ledger.sql`select expected, found from spool_gap`;
    expect({ ...gap }).toEqual({ expected: 2n, found: 3n });
    expect(more).toEqual([]);
  });

  test("of a node that nobody registered is refused", async () => {
    await ledger.sql`delete from node`;
    await expect(book(batch(1, 4))).rejects.toThrow("not registered");
    await expect(readWatermark(ledger.sql, node)).rejects.toThrow("not registered");
  });
});
