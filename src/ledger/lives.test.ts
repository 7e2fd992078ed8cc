import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { registerNode } from "./nodes.ts";
import { node } from "./testing/records.ts";
import { type SmallLedger, smallLedger, tenant, µ } from "./testing/small-ledger.ts";

let ledger: SmallLedger;
beforeEach(async () => {
  ledger = await smallLedger();
});
afterEach(() => ledger.drop());

const codeOf = (moving: Promise<unknown>): Promise<unknown> =>
  moving.then(
    () => "moved",
    (thrown: { code: string }) => thrown.code,
  );
const grant = (id: string, epoch: bigint) =>
  ledger.accounts.grant({ id, tenant, node, epoch, amount: µ(100), atLeast: µ(1) });
const giveBack = (id: string, epoch: bigint) =>
  ledger.accounts.giveBack({ id, tenant, node, epoch, amount: µ(50) });

describe("a node that has begun anew", () => {
  test("gets nothing that was granted to its former life, and gives nothing back for it", async () => {
    const { epoch: first } = await registerNode(ledger.sql, node);
    expect(await codeOf(grant("a", first))).toBe("moved");
    const { epoch: second } = await registerNode(ledger.sql, node);
    expect(second).toBe(first + 1n);
    // As a paused owner would, after all.
    expect(await codeOf(grant("b", first))).toBe("conflict");
    expect(await codeOf(grant("a", first))).toBe("conflict");
    expect(await codeOf(giveBack("c", first))).toBe("conflict");
    expect(await codeOf(grant("d", second))).toBe("moved");
    expect(await codeOf(giveBack("e", second))).toBe("moved");
    const { purses } = await ledger.accounts.balances(tenant);
    expect(purses.get(node)).toBe(µ(150));
  });

  test("waits for a move of its former life that is under way", async () => {
    const { epoch } = await registerNode(ledger.sql, node);
    const moving = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    const granting = ledger.sql.begin(async (sql) => {
      await sql`select * from grant_points('a', ${tenant}, ${node}, ${epoch}, 100, 1)`;
      moving.resolve();
      await finish.promise;
    });
    await moving.promise;
    const registering = registerNode(ledger.sql, node);
    expect(await Promise.race([registering, Bun.sleep(100).then(() => "waits")])).toBe("waits");
    finish.resolve();
    await granting;
    await registering;
    const [row] = await ledger.sql<{ returned: bigint }[]>`select return_purses(${node}, 'x') as returned`;
    expect(row?.returned).toBe(100n);
  });
});
