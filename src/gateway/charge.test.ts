import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeId, requestId } from "../core/ids.ts";
import { silentLog } from "../core/log.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { type Micropoints, micropointsOf, ZERO } from "../core/points.ts";
import { seededRandom } from "../core/random.ts";
import { NO_USAGE } from "../core/usage.ts";
import { Purse } from "../ledger/purse.ts";
import type { UsageRecord } from "../ledger/records.ts";
import { type Files, systemFiles } from "../ledger/spool/files.ts";
import { START } from "../ledger/spool/position.ts";
import { spoolIn } from "../ledger/spool/testing/spool-in.ts";
import { Charge, type ChargePorts, type ChargeSpool, type Ending, type Hold } from "./charge.ts";
import { OpenCharges } from "./open-charges.ts";
import { bookingSpool } from "./testing/booking-spool.ts";
import { callerOf, chatRequest } from "./testing/fixtures.ts";
import { SILENT } from "./testing/run-world.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "charge-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const µ = (amount: number) => micropointsOf(BigInt(amount));

function portsOf(clock: ManualClock, spool: ChargeSpool, log = silentLog): ChargePorts {
  const openCharges = new OpenCharges(clock);
  return { clock, log, node: nodeId("n"), region: "local", spool, telemetry: SILENT, openCharges };
}

const chargeOf = (ports: ChargePorts, id: string, hold: Hold, release: () => void = () => {}): Charge =>
  new Charge(ports, callerOf(), chatRequest(), requestId(id), null, hold, [], { release });

const endingOf = (cost: Micropoints): Ending => ({
  outcome: "completed",
  metered: { usage: NO_USAGE, cost, isBillable: true, flags: [] },
  route: undefined,
  finishReason: "stop",
  errorCode: null,
  firstTokenAt: undefined,
});

/** Out of a purse; ends once, or its test fails. */
function heldOf(purse: Purse, amount: Micropoints): Hold & { isOver: boolean } {
  const over = () => {
    if (hold.isOver) throw new Error("a hold was ended twice");
    hold.isOver = true;
  };
  const hold = {
    amount,
    isOver: false,
    settle(cost: Micropoints) {
      over();
      return purse.settle(amount, cost);
    },
    release() {
      over();
      purse.release(amount);
    },
    refund: (charged: Micropoints) => purse.refund(charged),
  };
  purse.hold(amount);
  return hold;
}

test("what a request that was not served is told stands, whatever fails as it is settled", async () => {
  const said: string[] = [];
  const log = { ...silentLog, error: (message: string) => void said.push(message) };
  const ports = portsOf(new ManualClock(), bookingSpool([]), log);
  const broken: Hold = {
    amount: µ(1),
    settle() {
      throw new Error("a broken purse");
    },
    release() {},
    refund() {},
  };
  const charge = chargeOf(ports, "a", broken);
  await charge.open();
  charge.settleUnserved("failed", "vendor_unavailable");
  await Promise.resolve();
  expect(said).toEqual(["a request that was not served could not be written to the spool"]);
});

test("is settled once: a second time throws, and one that says that nothing was served changes nothing", async () => {
  const purse = new Purse();
  purse.add(µ(10));
  const booked: UsageRecord[] = [];
  const charge = chargeOf(portsOf(new ManualClock(), bookingSpool(booked)), "a", heldOf(purse, µ(5)));
  await charge.open();
  const settling = charge.settle(endingOf(µ(4)));
  expect(() => charge.settle(endingOf(µ(4)))).toThrow("settled twice");
  charge.settleUnserved("cancelled", "request_cancelled");
  await settling;
  expect([charge.charged, purse.unsettled, purse.available, booked.length]).toEqual([µ(4), µ(4), µ(6), 1]);
});

test("whatever the disk does, all that was taken is given back once, and the tenant pays what is on it", async () => {
  for (let seed = 1; seed <= 20; seed += 1) await runOn(seed, join(directory, String(seed)));
});

/** A hundred charges on a disk that fails now and then in the middle of them, and their spool's next opening. */
async function runOn(seed: number, place: string): Promise<void> {
  const random = seededRandom(seed);
  const disk = seededRandom(seed + 1_000);
  let failing = 0;
  const files: Files = {
    ...systemFiles,
    write(descriptor, bytes, position) {
      if (disk.next() < failing) throw new Error("ENOSPC");
      systemFiles.write(descriptor, bytes, position);
    },
    sync: () => (disk.next() < failing ? Promise.reject(new Error("EIO")) : Promise.resolve()),
  };
  const clock = new ManualClock();
  const whole = µ(100_000);
  const purse = new Purse();
  purse.add(whole);
  const { spool } = spoolIn(place, { files, clock, segmentBytes: 3_000 });
  const ports = portsOf(clock, spool);
  const holds: { isOver: boolean }[] = [];
  const running: Charge[] = [];
  const settled = new Map<string, Promise<Micropoints>>();
  let released = 0;

  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 20) {
      await clock.advance(20);
      for (let hop = 0; hop < 30; hop += 1) await Promise.resolve();
    }
  };
  const begin = async (id: string) => {
    const hold = heldOf(purse, µ(Math.floor(random.next() * 500)));
    holds.push(hold);
    const charge = chargeOf(ports, id, hold, () => {
      released += 1;
    });
    await charge.open();
    running.push(charge);
  };
  const end = async (charge: Charge) => {
    try {
      await charge.settle(endingOf(µ(Math.floor(random.next() * 600))));
    } catch {
      expect(charge.charged).toBe(ZERO); // it was not written
    }
    return charge.charged;
  };

  for (let number = 0; number < 100; number += 1) {
    failing = number > 20 && number < 70 ? 0.3 : 0;
    begin(`r${number}`).catch(() => {}); // refused: nothing is left of it
    await pass(20);
    const [charge] = random.next() < 0.7 ? running.splice(Math.floor(random.next() * running.length), 1) : [];
    if (charge !== undefined) settled.set(charge.requestId, end(charge));
    if (random.next() < 0.5) await pass(400);
  }
  for (const charge of running.splice(0)) settled.set(charge.requestId, end(charge));
  await pass(5_000);

  expect([ports.openCharges.count, spool.depth.openIntents]).toEqual([0, 0]);
  expect([holds.every(({ isOver }) => isOver), released]).toEqual([true, holds.length]);
  await spool.close();
  const again = spoolIn(place);
  expect(again.open).toEqual([]);
  const paid = new Map(again.spool.read(START, 1e6).usages.map(({ id, charged }) => [String(id), charged]));
  expect(paid.size).toBe(settled.size);
  for (const [id, charged] of settled) expect([id, paid.get(id)]).toEqual([id, await charged]);
  const sum = [...paid.values()].reduce((all, charged) => micropointsOf(all + charged), ZERO);
  expect([purse.held, purse.unsettled, purse.available]).toEqual([ZERO, sum, micropointsOf(whole - sum)]);
  await again.spool.close();
}
