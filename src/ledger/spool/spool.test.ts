import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SluiceError } from "../../core/errors.ts";
import { micropointsOf } from "../../core/points.ts";
import { intentOf, progressOf, usageEntry, usageOf } from "../testing/records.ts";
import { entryOf, recordOf } from "../usage-entry.ts";
import { type Files, systemFiles } from "./files.ts";
import { START } from "./position.ts";
import { segmentPath } from "./segment.ts";
import type { SpoolOptions } from "./spool.ts";
import { idsOf, spoolIn } from "./testing/spool-in.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "spool-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const open = (options: Partial<SpoolOptions> = {}) => spoolIn(directory, options);
const µ = (amount: number) => micropointsOf(BigInt(amount));

describe("the spool", () => {
  test("gives back what was written, bigints and all, after a restart too", async () => {
    const large = usageOf("a", {
      charged: micropointsOf(9_007_199_254_740_993n),
      flags: ["usage_estimated"],
    });
    const { spool } = open();
    await spool.intent(intentOf("a"));
    await spool.usage(large);
    expect(spool.read(START, 10).usages.map(recordOf)).toEqual([large]);
    await spool.close();
    const again = open();
    expect(again.open).toEqual([]);
    expect(again.spool.read(START, 10)).toMatchObject({ usages: [entryOf(large)], gaps: [] });
    expect(again.spool.end).toEqual(spool.end);
  });

  test("tells the requests without USAGE, with their last progress", async () => {
    const { spool } = open();
    await Promise.all(["a", "b", "c"].map((id) => spool.intent(intentOf(id))));
    spool.progress(progressOf("b", µ(1)));
    spool.progress(progressOf("b", µ(2)));
    await spool.usage(usageOf("a"));
    await spool.close();
    expect(open().open).toEqual([
      { intent: intentOf("b"), progress: progressOf("b", µ(2)) },
      { intent: intentOf("c"), progress: undefined },
    ]);
  });

  test("writes what waits together and in order", async () => {
    const { spool } = open();
    await Promise.all(Array.from({ length: 500 }, (_, index) => spool.usage(usageOf(`u${index}`))));
    expect(idsOf(spool)).toEqual(Array.from({ length: 500 }, (_, index) => `u${index}`));
  });

  test("reads on from where a batch ended, across segments", async () => {
    const { spool } = open({ segmentBytes: 2_000 });
    for (let index = 0; index < 40; index += 1) await spool.usage(usageOf(`u${index}`));
    expect(spool.depth.segments).toBeGreaterThan(3);
    const seen: string[] = [];
    let at = START;
    for (let turns = 0; turns < 100 && at.sequence < spool.end.sequence; turns += 1) {
      const batch = spool.read(at, 7);
      expect(batch.gaps).toEqual([]);
      seen.push(...batch.usages.map(({ id }) => String(id)));
      at = batch.next;
    }
    expect(seen).toEqual(Array.from({ length: 40 }, (_, index) => `u${index}`));
  });

  test("deletes segments once the ledger has them, but none with a request still running", async () => {
    const { spool } = open({ segmentBytes: 1_000 });
    for (let index = 0; index < 4; index += 1) await spool.usage(usageOf(`u${index}`));
    await spool.intent(intentOf("long"));
    for (let index = 4; index < 10; index += 1) await spool.usage(usageOf(`u${index}`));
    const before = spool.depth.segments;
    spool.release(spool.end);
    const between = spool.depth.segments;
    expect(between).toBeLessThan(before);
    expect(between).toBeGreaterThan(1);
    await spool.usage(usageOf("long"));
    spool.release(spool.end);
    expect(spool.depth.segments).toBe(1);
    await spool.close();
    expect(open({ floor: spool.end }).spool.end).toEqual(spool.end);
  });

  test("carries a long request forward rather than keep everything that came after it", async () => {
    const { spool } = open({ segmentBytes: 1_000 });
    await spool.intent(intentOf("long", { hold: µ(77) }));
    spool.progress(progressOf("long", µ(5)));
    for (let index = 0; index < 200; index += 1) {
      await spool.usage(usageOf(`u${index}`));
      spool.release(spool.end);
      expect(spool.depth.segments).toBeLessThan(8);
    }
    const { end } = spool;
    expect(spool.depth.openIntents).toBe(1);
    await spool.close();
    const again = open({ segmentBytes: 1_000, floor: end });
    expect(again.open).toEqual([
      { intent: intentOf("long", { hold: µ(77) }), progress: progressOf("long", µ(5)) },
    ]);
    expect(again.spool.read(end, 100)).toMatchObject({ usages: [], gaps: [] });
    await again.spool.usage(usageOf("long"));
    expect(again.spool.depth.openIntents).toBe(0);
  });

  test("deletes what was carried forward only when its copy is on the disk", async () => {
    const { spool } = open({ segmentBytes: 500 });
    await spool.intent(intentOf("long"));
    for (let index = 0; index < 20; index += 1) await spool.usage(usageOf(`u${index}`));
    const oldest = segmentPath(directory, 1);
    spool.release(spool.end);
    expect(existsSync(oldest)).toBe(true);
    await spool.usage(usageOf("synced together with the copy"));
    spool.release(spool.end);
    expect(existsSync(oldest)).toBe(false);
    expect(spool.depth.openIntents).toBe(1);
  });

  test("takes no further request when it is full", async () => {
    const { spool } = open({ capBytes: 1_000 });
    for (let index = 0; index < 3; index += 1) await spool.usage(usageOf(`u${index}`));
    expect(() => spool.intent(intentOf("x"))).toThrow(SluiceError);
    await spool.usage(usageOf("one that was admitted before may still end"));
  });

  test("numbers on after what the ledger has seen when its disk was lost", async () => {
    const floor = { segment: 7, offset: 100, sequence: 900n };
    const { spool } = open({ floor });
    await spool.usage(usageOf("a"));
    expect(spool.read(floor, 10)).toMatchObject({ usages: [usageEntry("a")], gaps: [] });
  });
});

test("a record is not told to the ledger before it is on the disk, and never when it does not get there", async () => {
  const sync = Promise.withResolvers<void>();
  const files: Files = { ...systemFiles, sync: () => sync.promise };
  const { spool } = open({ files });
  const kept = spool.usage(usageOf("a"));
  await Bun.sleep(5);
  expect(spool.read(START, 10).usages).toEqual([]);
  sync.reject(new Error("EIO"));
  await expect(kept).rejects.toThrow("EIO");
  expect(spool.read(START, 10).usages).toEqual([]);
});

test("a killed process leaves behind everything that it acknowledged", async () => {
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "testing/append-until-killed.ts"), directory],
    {
      stdout: "pipe",
    },
  );
  const acknowledged: string[] = [];
  let text = "";
  for await (const chunk of child.stdout) {
    text += new TextDecoder().decode(chunk);
    if (text.split("\n").length > 300) break;
  }
  child.kill("SIGKILL");
  await child.exited;
  acknowledged.push(...text.split("\n").slice(0, -1));
  const { spool, open: inDoubt } = open();
  const kept = new Set([
    ...idsOf(spool).map((id) => `usage ${id}`),
    ...inDoubt.map(({ intent: { id } }) => `intent ${id}`),
  ]);
  for (const id of idsOf(spool)) kept.add(`intent ${id}`);
  expect(acknowledged.length).toBeGreaterThan(250);
  expect(acknowledged.filter((line) => !kept.has(line))).toEqual([]);
});
