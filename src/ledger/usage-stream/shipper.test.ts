import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createInProcessBus } from "../../bus/in-process.ts";
import { createInProcessMessageLog, type InProcessMessageLog } from "../../bus/in-process-message-log.ts";
import { packPayload } from "../../bus/payload.ts";
import { systemClock as clock } from "../../core/clock.ts";
import { nodeId } from "../../core/ids.ts";
import { silentLog as log } from "../../core/log.ts";
import { registerNode } from "../nodes.ts";
import { intentOf, node, usageEntry, usageOf } from "../testing/records.ts";
import { type SmallLedger, smallLedger, tenant, µ } from "../testing/small-ledger.ts";
import { readWatermark } from "../watermark.ts";
import { type Appliers, startAppliers } from "./appliers.ts";
import { unpackBatch } from "./batch-message.ts";
import { noticeSubject, usageSubject } from "./subjects.ts";
import { appliersOf, type StreamingNode, streamingNode, type Wires } from "./testing/small-stream.ts";

const GRANTED = 5_000;
let ledger: SmallLedger;
let messages: InProcessMessageLog;
let wires: Wires;
let appliers: Appliers[];
let own: StreamingNode | undefined;
beforeEach(async () => {
  ledger = await smallLedger();
  messages = createInProcessMessageLog(clock);
  const bus = createInProcessBus({ clock });
  wires = { messages, bus, close: () => bus.close() };
  appliers = [];
  await ledger.grant(GRANTED);
});
afterEach(async () => {
  await own?.shipper.stop();
  own = undefined;
  await Promise.all(appliers.map((each) => each.stop()));
  await wires.close();
  await ledger.drop();
});

const apply = (): Appliers => {
  const started = appliersOf(ledger.sql, wires);
  appliers.push(started);
  return started;
};
const start = async (by: Wires = wires, segmentBytes = 1e8): Promise<StreamingNode> => {
  own = await streamingNode(ledger, by, GRANTED, { segmentBytes });
  return own;
};
const spent = async (): Promise<bigint> => (await ledger.accounts.balances(tenant)).spent;
const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, amount) => total + amount, 0n);
const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await isSo())) await Bun.sleep(5);
};

describe("the usage shipper", () => {
  test("cuts what is too large for one message", async () => {
    apply();
    const sizes: number[] = [];
    const small = {
      ...messages,
      maxBytes: 5_000,
      append(subject: string, message: Uint8Array) {
        sizes.push(message.byteLength);
        return messages.append(subject, message);
      },
    };
    const { shipper, booked, use } = await start({ ...wires, messages: small });
    await use(300);
    await shipper.flush(10_000);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(5_000);
    expect(sizes.length).toBeGreaterThan(3);
    expect([await spent(), sum(booked)]).toEqual([300n, 300n]);
  });

  test("sends only the sum of a single record that no message can hold", async () => {
    apply();
    const small = { ...messages, maxBytes: 2_000 };
    const { shipper, use } = await start({ ...wires, messages: small });
    await use(1, { finishReason: "x".repeat(4_000) });
    await use(1);
    await shipper.flush(10_000);
    expect(await spent()).toBe(2n);
  });

  test("has few batches under way while nothing is booked, and says how much waits", async () => {
    const { shipper, use } = await start();
    await use(4_900);
    await until(() => shipper.counts.batchesSent === 4);
    await use(100);
    await Bun.sleep(100);
    expect([shipper.counts.batchesSent, shipper.lag]).toEqual([4, 5_000]);
    apply();
    await shipper.flush(10_000);
    expect([await spent(), shipper.lag]).toEqual([5_000n, 0]);
  });

  test("waits while the log takes nothing, and sends what came meanwhile", async () => {
    apply();
    let isAway = true;
    const away = {
      ...messages,
      append: (subject: string, message: Uint8Array) =>
        isAway ? Promise.reject(new Error("NATS is away")) : messages.append(subject, message),
    };
    const { shipper, booked, use } = await start({ ...wires, messages: away });
    await use(10);
    await until(() => shipper.lastError !== undefined);
    await use(10);
    expect(String(shipper.lastError)).toContain("NATS is away");
    isAway = false;
    await shipper.flush(10_000);
    expect([await spent(), sum(booked), shipper.lastError]).toEqual([20n, 20n, undefined]);
  });

  test("tells what it was told by nobody when an append failed that had arrived", async () => {
    apply();
    let calls = 0;
    const doubtful = {
      ...messages,
      async append(subject: string, message: Uint8Array) {
        await messages.append(subject, message);
        calls += 1;
        if (calls % 2 === 1) throw new Error("no answer");
      },
    };
    const { shipper, booked, use } = await start({ ...wires, messages: doubtful });
    for (let round = 0; round < 10; round += 1) await use(10);
    await shipper.flush(10_000);
    expect([await spent(), sum(booked)]).toEqual([100n, 100n]);
  });

  test("goes back when the ledger was put back, and tells no purse twice", async () => {
    apply();
    const { shipper, booked, use } = await start();
    await use(10);
    await shipper.flush(10_000);
    await ledger.sql`update node set spool_segment = 0, spool_offset = 0, spool_sequence = 0`;
    await use(10);
    await shipper.flush(10_000);
    expect([await spent(), sum(booked)]).toEqual([20n, 20n]);
    const [row] = await ledger.sql<{ sequence: bigint }[]>`select spool_sequence as sequence from node`;
    expect(row?.sequence).toBe(21n);
  });

  test("keeps what it has when another process takes its name, and says so", async () => {
    apply();
    const { shipper, booked, spool, use } = await start(wires, 2_000);
    await registerNode(ledger.sql, node);
    for (let round = 0; round < 5; round += 1) await use(10);
    await until(async () => (await spent()) === 50n);
    await expect(shipper.flush(1_500)).rejects.toThrow("did not take");
    expect(String(shipper.lastError)).toContain("name used twice");
    expect([booked, spool.depth.segments > 1]).toEqual([[], true]);
  });

  test("moves the watermark before a file is deleted, also when there was nothing to book in it", async () => {
    apply();
    const { shipper, spool, use } = await start(wires, 500);
    await use(1);
    await shipper.flush(10_000);
    for (let number = 0; number < 8; number += 1) await spool.intent(intentOf(`i${number}`));
    await shipper.flush(10_000);
    expect(shipper.position.segment).toBeGreaterThan(1);
    const [row] = await ledger.sql<{ segment: bigint }[]>`select spool_segment as segment from node`;
    expect(Number(row?.segment)).toBe(shipper.position.segment);
  });

  test("is not led astray by what is no notice, or by one about somebody else's usage", async () => {
    const { shipper, booked, use } = await start();
    await use(10);
    await until(() => shipper.counts.batchesSent === 1);
    const watermark = { epoch: 1n, segment: 1, offset: 1, sequence: 11n };
    for (const payload of [
      null,
      "applied",
      { isApplied: true },
      { isApplied: true, flight: 0, watermark: { ...watermark, sequence: 11 } },
      { isApplied: true, flight: 0, watermark: { ...watermark, epoch: 0n } },
      { isApplied: true, flight: 0, watermark: { ...watermark, epoch: 2n } },
      { isApplied: true, flight: 0, watermark: { ...watermark, sequence: 999n } },
    ])
      wires.bus.publish(noticeSubject(node), payload);
    await Bun.sleep(20);
    expect([shipper.position.sequence, booked]).toEqual([1n, []]);
  });

  test("stops although nothing is booked, and is kept by nobody", async () => {
    const { shipper, use } = await start();
    await use(1);
    const flushed = shipper.flush(60_000);
    await until(() => shipper.counts.batchesSent === 1);
    await shipper.stop();
    await expect(flushed).rejects.toThrow("stopped");
  });
});

describe("appliers", () => {
  test("run where the node's usage belongs, and move with it", async () => {
    let owner = 1;
    const { sql } = ledger;
    const two = [1, 2].map((number) =>
      startAppliers({
        sql,
        messages,
        bus: wires.bus,
        clock,
        log,
        nodes: () => [],
        owns: () => owner === number,
      }),
    );
    appliers.push(...two);
    const { shipper, use } = await start();
    await use(10);
    // Nobody told them of the node: what it left in the log does.
    await shipper.flush(10_000);
    expect(two.map(({ running }) => running)).toEqual([[node], []]);
    owner = 2;
    await Promise.all(two.map((each) => each.refresh()));
    await use(10);
    await shipper.flush(10_000);
    expect(two.map(({ running }) => running)).toEqual([[], [node]]);
    expect(two.map(({ counts }) => counts.recordsApplied)).toEqual([10, 10]);
  });

  test("leave out what they do not understand, and go on behind it", async () => {
    const started = apply();
    for (const text of ["", "nonsense", "{}"]) await messages.append(usageSubject(node), Buffer.from(text));
    const { shipper, use } = await start();
    await use(10);
    await shipper.flush(10_000);
    expect([started.counts.messagesDropped, await spent()]).toEqual([3, 10n]);
  });

  test("leave out a batch of the right form whose records are none", async () => {
    const started = apply();
    const about = { node, epoch: 1n, flight: 1, from: 1n, to: { segment: 1, offset: 0, sequence: 2n } };
    const texts = [
      "",
      "null",
      '{"id":"req","tenant":"t","charged":5,"loss":"0","usage":{},"flags":[],"attempts":[]}',
    ];
    const wrong = [
      ...texts.map((text) => ({ version: 2, usages: [text], gaps: [] })),
      { version: 2, usages: [usageEntry("req")], gaps: [] },
      { usages: [null], gaps: [] },
      { usages: [{ id: "req", tenant, charged: 5, loss: 0n, usage: {}, flags: [], attempts: [] }], gaps: [] },
      {
        usages: [{ id: "req", tenant, charged: 5n, loss: 0n, usage: {}, flags: [], attempts: [null] }],
        gaps: [],
      },
      { usages: [], gaps: [{ expected: 1 }] },
    ];
    for (const each of wrong)
      await messages.append(usageSubject(node), packPayload({ version: 1, ...about, ...each }));
    const { shipper, use } = await start();
    await use(10);
    await shipper.flush(10_000);
    expect([started.counts.messagesDropped, await spent()]).toEqual([wrong.length, 10n]);
  });

  test("book what a node of the former version sent", async () => {
    const { epoch } = await registerNode(ledger.sql, node);
    const usages = [usageOf("former", { charged: µ(7), flags: ["in_doubt"] })];
    const to = { segment: 1, offset: 100, sequence: 2n };
    const batch = { version: 1, node, epoch, flight: 0, from: 1n, to, usages, gaps: [] };
    await messages.append(usageSubject(node), packPayload(batch));
    const started = apply();
    await until(() => started.counts.batchesApplied === 1);
    expect(await ledger.charges()).toMatchObject([{ id: "former", charged: 7n, flags: ["in_doubt"] }]);
    expect(await readWatermark(ledger.sql, node)).toEqual({ epoch, ...to });
  });

  test("do not book one node's batch as another's", async () => {
    const seen: Uint8Array[] = [];
    const spied = {
      ...messages,
      async append(subject: string, message: Uint8Array) {
        seen.push(message);
        await messages.append(subject, message);
      },
    };
    const { shipper, use } = await start({ ...wires, messages: spied });
    await use(1);
    await until(() => shipper.counts.batchesSent === 1);
    const [message] = seen;
    if (message === undefined) throw new Error("nothing was sent");
    expect(unpackBatch(message, node).usages).toHaveLength(1);
    expect(() => unpackBatch(message, nodeId("other"))).toThrow("batch of node n1");
  });
});
