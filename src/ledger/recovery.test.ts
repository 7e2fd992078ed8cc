import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { systemClock } from "../core/clock.ts";
import { requestId } from "../core/ids.ts";
import { silentLog } from "../core/log.ts";
import { ZERO } from "../core/points.ts";
import type { IntentRecord, ProgressRecord, UsageRecord } from "./records.ts";
import { recover } from "./recovery.ts";
import { segmentPath } from "./spool/segment.ts";
import { intentOf, node, progressOf, region, usageOf } from "./testing/records.ts";
import { type SmallLedger, smallLedger, tenant, µ } from "./testing/small-ledger.ts";

let ledger: SmallLedger;
beforeEach(async () => {
  ledger = await smallLedger();
});
afterEach(() => ledger.drop());

describe("recovery after a crash", () => {
  async function crashed(records: (IntentRecord | ProgressRecord | UsageRecord)[]) {
    const { spool } = await ledger.start();
    for (const record of records) {
      if (record.kind === "intent") await spool.intent(record);
      else if (record.kind === "progress") spool.progress(record);
      else await spool.usage(record);
    }
    await spool.close();
    const { open, from, ...again } = await ledger.start();
    const { sql } = ledger;
    return recover({ sql, spool: again.spool, open, from, node, region, clock: systemClock, log: silentLog });
  }

  test("applies what was used, charges what was in doubt for its last note, and gives the rest back", async () => {
    await ledger.grant(1_000);
    const recovered = await crashed([
      intentOf("done"),
      intentOf("streaming"),
      intentOf("waiting"),
      usageOf("done", { charged: µ(200) }),
      progressOf("streaming", µ(30)),
      progressOf("streaming", µ(70)),
    ]);
    expect(recovered).toMatchObject({ inDoubt: 2, returned: µ(730) });
    expect(await ledger.charges()).toMatchObject([
      { id: "done", charged: 200n, flags: [] },
      { id: "streaming", charged: 70n, flags: ["in_doubt"], outcome: "truncated" },
      { id: "waiting", charged: 0n, flags: ["in_doubt"], outcome: "truncated" },
    ]);
    const { tenantAccount, spent } = await ledger.accounts.balances(tenant);
    expect([tenantAccount, spent]).toEqual([µ(9_730), µ(270)]);
  });

  test("done twice changes nothing the second time", async () => {
    await ledger.grant(1_000);
    await crashed([intentOf("a"), usageOf(String(requestId("b")), { charged: µ(5) })]);
    const again = await crashed([]);
    expect(again).toMatchObject({ inDoubt: 0, returned: ZERO });
    expect((await ledger.accounts.balances(tenant)).spent).toBe(µ(5));
  });

  test("a damaged end of the spool is told and keeps nobody from starting", async () => {
    const { spool } = await ledger.start();
    for (const id of ["a", "b"]) await spool.usage(usageOf(id));
    await spool.close();
    const path = segmentPath(ledger.directory, 1);
    const bytes = readFileSync(path);
    bytes[bytes.length - 3] = (bytes[bytes.length - 3] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    const { position } = await crashed([]);
    expect(await ledger.charges()).toMatchObject([{ id: "a" }]);
    expect(await ledger.sql`select expected, found from spool_gap`).toEqual([
      { expected: 2n, found: 3n },
    ] as never);
    expect(position.sequence).toBe(3n);
    // Told once: the next start finds nothing new.
    await crashed([usageOf("c")]);
    expect(await ledger.sql`select expected, found from spool_gap`).toHaveLength(1);
  });

  test("many requests that were running are closed together", async () => {
    await ledger.grant(5_000);
    const intents = Array.from({ length: 500 }, (_, index) => intentOf(`i${index}`));
    const recovered = await crashed([
      ...intents,
      ...intents.map(({ id }) => progressOf(id, µ(3))),
      usageOf("i7", { charged: µ(9) }),
    ]);
    expect(recovered).toMatchObject({ inDoubt: 499, returned: µ(5_000 - 499 * 3 - 9) });
  });
});
