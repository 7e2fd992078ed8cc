import { afterEach, beforeEach, expect, test } from "bun:test";
import { requestId } from "../core/ids.ts";
import { silentLog as log } from "../core/log.ts";
import { bookUsage } from "./book-usage.ts";
import { registerNode } from "./nodes.ts";
import { giveUpRun } from "./superseded.ts";
import { node, usageEntry } from "./testing/records.ts";
import { type SmallLedger, smallLedger, tenant, µ } from "./testing/small-ledger.ts";

let ledger: SmallLedger;
let epoch: bigint;
let booked = 1;
beforeEach(async () => {
  ledger = await smallLedger();
  await ledger.grant(1_000);
  ({ epoch } = await registerNode(ledger.sql, node));
  booked = 1;
});
afterEach(() => ledger.drop());

const FORMER = requestId("r1");
const BY = requestId("r2");

/** Ten micropoints for each. */
async function book(...ids: readonly string[]): Promise<void> {
  const usages = ids.map((id) => usageEntry(id, { charged: µ(10) }));
  const [from, to] = [BigInt(booked), BigInt(booked + ids.length)];
  booked += ids.length;
  await bookUsage(
    { sql: ledger.sql, log },
    { node, epoch, from, to: { segment: 1, offset: booked * 100, sequence: to }, usages, gaps: [] },
  );
}
const spent = async () => (await ledger.accounts.balances(tenant)).spent;

test("a run that is given up costs nothing when its charge is told, before or after the one that goes on", async () => {
  for (const _ of [1, 2]) await giveUpRun(ledger.sql, FORMER, BY);
  await book("r2", "r1");
  expect(await spent()).toBe(µ(10));
});

test("a run that was charged keeps its charge, and the one that goes on is free", async () => {
  await book("r1");
  await giveUpRun(ledger.sql, FORMER, BY);
  await book("r2");
  expect(await spent()).toBe(µ(10));
});

test("without it both are charged", async () => {
  await book("r1", "r2");
  expect(await spent()).toBe(µ(20));
});
