import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import { keyId, nodeId, priceId, requestId, tenantId, vendorId } from "../../core/ids.ts";
import { silentLog } from "../../core/log.ts";
import { micropointsOf } from "../../core/points.ts";
import { seededRandom } from "../../core/random.ts";
import { NO_USAGE } from "../../core/usage.ts";
import type { IntentRecord, ProgressRecord, UsageRecord } from "../records.ts";
import { crc32c } from "./crc32c.ts";
import { type Files, systemFiles } from "./files.ts";
import { START } from "./position.ts";
import { segmentPath } from "./segment.ts";
import { Spool, type SpoolOptions } from "./spool.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "spool-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function open(options: Partial<SpoolOptions> = {}) {
  return Spool.open({
    directory,
    files: systemFiles,
    clock: systemClock,
    log: silentLog,
    floor: START,
    capBytes: 1e9,
    segmentBytes: 1e8,
    ...options,
  });
}

const intent = (id: string): IntentRecord => ({
  kind: "intent",
  id: requestId(id),
  tenant: tenantId("t"),
  key: keyId("k"),
  tier: "normal",
  operation: "chat",
  model: "m",
  at: 1_700_000_000_000,
  hold: micropointsOf(9_007_199_254_740_993n),
});

const progress = (id: string, cost: bigint): ProgressRecord => ({
  kind: "progress",
  id: requestId(id),
  tenant: tenantId("t"),
  vendor: vendorId("v"),
  vendorModel: "vm",
  price: priceId("p"),
  usage: NO_USAGE,
  cost: micropointsOf(cost),
});

const usage = (id: string): UsageRecord => ({
  kind: "usage",
  id: requestId(id),
  tenant: tenantId("t"),
  key: keyId("k"),
  tier: "normal",
  node: nodeId("n"),
  region: "local",
  operation: "chat",
  stream: null,
  model: "m",
  vendor: vendorId("v"),
  vendorModel: "vm",
  at: 1_700_000_000_000,
  durationMs: 12,
  firstTokenMs: null,
  outcome: "completed",
  finishReason: "stop",
  errorCode: null,
  usage: { ...NO_USAGE, input: 3 },
  price: priceId("p"),
  charged: micropointsOf(5n),
  loss: micropointsOf(0n),
  attempts: [],
  flags: ["usage_estimated"],
});

const idsOf = (spool: Spool, from = START) => spool.read(from, 1e6).usages.map(({ id }) => String(id));

test("the checksum is CRC-32C", () => {
  // RFC 3720 appendix B.4: 32 bytes of zeros, and the ascending bytes 0 to 31.
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index))).toBe(0x46dd794e);
});

describe("the spool", () => {
  test("gives back what was written, bigints and all, after a restart too", async () => {
    const { spool } = open();
    await spool.intent(intent("a"));
    await spool.usage(usage("a"));
    expect(spool.read(START, 10).usages).toEqual([usage("a")]);
    await spool.close();
    const again = open();
    expect(again.open).toEqual([]);
    expect(again.spool.read(START, 10)).toMatchObject({ usages: [usage("a")], gaps: [] });
    expect(again.spool.end).toEqual(spool.end);
  });

  test("tells the requests without USAGE, with their last progress", async () => {
    const { spool } = open();
    await Promise.all(["a", "b", "c"].map((id) => spool.intent(intent(id))));
    spool.progress(progress("b", 1n));
    spool.progress(progress("b", 2n));
    await spool.usage(usage("a"));
    await spool.close();
    expect(open().open).toEqual([
      { intent: intent("b"), progress: progress("b", 2n) },
      { intent: intent("c"), progress: undefined },
    ]);
  });

  test("writes what waits together and in order", async () => {
    const { spool } = open();
    await Promise.all(Array.from({ length: 500 }, (_, index) => spool.usage(usage(`u${index}`))));
    expect(idsOf(spool)).toEqual(Array.from({ length: 500 }, (_, index) => `u${index}`));
  });

  test("reads on from where a batch ended, across segments", async () => {
    const { spool } = open({ segmentBytes: 2_000 });
    for (let index = 0; index < 40; index += 1) await spool.usage(usage(`u${index}`));
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
    for (let index = 0; index < 10; index += 1) await spool.usage(usage(`u${index}`));
    await spool.intent(intent("long"));
    for (let index = 10; index < 20; index += 1) await spool.usage(usage(`u${index}`));
    const before = spool.depth.segments;
    spool.release(spool.end);
    const between = spool.depth.segments;
    expect(between).toBeLessThan(before);
    expect(between).toBeGreaterThan(1);
    await spool.usage(usage("long"));
    spool.release(spool.end);
    expect(spool.depth.segments).toBe(1);
    await spool.close();
    expect(open({ floor: spool.end }).spool.end).toEqual(spool.end);
  });

  test("takes no further request when it is full", async () => {
    const { spool } = open({ capBytes: 1_000 });
    for (let index = 0; index < 3; index += 1) await spool.usage(usage(`u${index}`));
    expect(() => spool.intent(intent("x"))).toThrow(SluiceError);
    await spool.usage(usage("one that was admitted before may still end"));
  });

  test("numbers on after what the ledger has seen when its disk was lost", async () => {
    const floor = { segment: 7, offset: 100, sequence: 900n };
    const { spool } = open({ floor });
    await spool.usage(usage("a"));
    expect(spool.read(floor, 10)).toMatchObject({ usages: [usage("a")], gaps: [] });
  });
});

test("a record is not told to the ledger before it is on the disk, and never when it does not get there", async () => {
  const sync = Promise.withResolvers<void>();
  const files: Files = { ...systemFiles, sync: () => sync.promise };
  const { spool } = open({ files });
  const kept = spool.usage(usage("a"));
  await Bun.sleep(5);
  expect(spool.read(START, 10).usages).toEqual([]);
  sync.reject(new Error("EIO"));
  await expect(kept).rejects.toThrow("EIO");
  expect(spool.read(START, 10).usages).toEqual([]);
});

describe("damage", () => {
  test("cut at any byte, exactly the whole records before the cut are left", async () => {
    const { spool } = open();
    const ends: number[] = [];
    for (let index = 0; index < 6; index += 1) {
      await spool.usage(usage(`u${index}`));
      ends.push(spool.end.offset);
    }
    await spool.close();
    const path = segmentPath(directory, 1);
    const whole = readFileSync(path);
    for (let length = 0; length <= whole.length; length += 1) {
      writeFileSync(path, whole.subarray(0, length));
      const { spool: cut } = open();
      expect(idsOf(cut)).toHaveLength(ends.filter((end) => end <= length).length);
      await cut.usage(usage("after"));
      expect(cut.read(START, 100)).toMatchObject({ gaps: [] });
      expect(idsOf(cut).at(-1)).toBe("after");
      await cut.close();
    }
  });

  test("a flipped bit is found and what follows shows as a gap", async () => {
    const random = seededRandom(3);
    const { spool } = open();
    for (let index = 0; index < 6; index += 1) await spool.usage(usage(`u${index}`));
    await spool.close();
    const path = segmentPath(directory, 1);
    const whole = readFileSync(path);
    for (let round = 0; round < 200; round += 1) {
      const damaged = Buffer.from(whole);
      const at = Math.floor(random.next() * whole.length);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << Math.floor(random.next() * 8));
      writeFileSync(path, damaged);
      rmSync(segmentPath(directory, 2), { force: true });
      const { spool: opened } = open();
      const survivors = idsOf(opened);
      expect(survivors.length).toBeLessThan(6);
      expect(survivors).toEqual(["u0", "u1", "u2", "u3", "u4", "u5"].slice(0, survivors.length));
      await opened.usage(usage("after"));
      await opened.close();
    }
  });

  test("zeros at the end, as after a power failure, are cut off", async () => {
    const { spool } = open();
    await spool.usage(usage("a"));
    await spool.close();
    const path = segmentPath(directory, 1);
    writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(5_000)]));
    const { spool: opened } = open();
    await opened.usage(usage("b"));
    expect(opened.read(START, 10)).toMatchObject({ gaps: [] });
    expect(idsOf(opened)).toEqual(["a", "b"]);
  });

  test("a hole between segments shows as a gap", async () => {
    const { spool } = open({ segmentBytes: 1_000 });
    for (let index = 0; index < 12; index += 1) await spool.usage(usage(`u${index}`));
    await spool.close();
    rmSync(segmentPath(directory, 2));
    const { gaps } = open().spool.read(START, 100);
    expect(gaps).toHaveLength(1);
  });
});

/** A disk that fails when told to. */
function failing(): Files & { fail: "write" | "sync" | "short" | undefined } {
  return {
    ...systemFiles,
    fail: undefined,
    write(descriptor, bytes, position) {
      if (this.fail === "short") systemFiles.write(descriptor, bytes.subarray(0, 20), position);
      if (this.fail === "write" || this.fail === "short") throw new Error("ENOSPC: no space left on device");
      systemFiles.write(descriptor, bytes, position);
    },
    sync(descriptor) {
      if (this.fail === "sync") return Promise.reject(new Error("EIO: i/o error"));
      return systemFiles.sync(descriptor);
    },
  };
}

describe("a disk that fails", () => {
  test.each(["write", "sync", "short"] as const)(
    "on %s: nothing is acknowledged, and it goes on after",
    async (kind) => {
      const files = failing();
      const { spool } = open({ files });
      await spool.usage(usage("a"));
      files.fail = kind;
      await expect(spool.usage(usage("lost"))).rejects.toThrow(/ENOSPC|EIO/);
      expect(spool.isHealthy).toBe(false);
      expect(() => spool.intent(intent("x"))).toThrow(SluiceError);
      files.fail = undefined;
      await spool.usage(usage("b"));
      expect(spool.isHealthy).toBe(true);
      await spool.close();
      expect(idsOf(open().spool)).toEqual(["a", "b"]);
    },
  );
});

/** A disk whose syncs a test lets succeed or fail one by one, and that makes no new names when told so. */
function withheld() {
  const syncs: PromiseWithResolvers<void>[] = [];
  const files: Files & { refusesNames: boolean } = {
    ...systemFiles,
    refusesNames: false,
    sync() {
      const sync = Promise.withResolvers<void>();
      syncs.push(sync);
      return sync.promise;
    },
    syncDirectory() {
      if (this.refusesNames) throw new Error("EIO: i/o error");
    },
  };
  const next = async () => {
    while (syncs.length === 0) await Bun.sleep(1);
    return syncs.shift() as PromiseWithResolvers<void>; // there is one
  };
  return { files, next };
}

describe("a sync that fails", () => {
  test("takes nothing along that was admitted meanwhile, and leaves no gap", async () => {
    const { files, next } = withheld();
    const { spool } = open({ files });
    const lost = spool.usage(usage("lost"));
    const sync = await next();
    await spool.intent(intent("admitted meanwhile"));
    const end = spool.end.sequence;
    sync.reject(new Error("EIO"));
    await expect(lost).rejects.toThrow("EIO");
    expect(spool.end.sequence).toBe(end - 1n);
    const kept = spool.usage(usage("kept"));
    (await next()).resolve();
    await kept;
    expect(spool.isHealthy).toBe(true);
    expect(spool.read(START, 10)).toMatchObject({ usages: [usage("kept")], gaps: [] });
    await spool.close();
    const again = open();
    expect(again.open.map(({ intent: { id } }) => String(id))).toEqual(["admitted meanwhile"]);
    expect(again.spool.read(START, 10)).toMatchObject({ usages: [usage("kept")], gaps: [] });
  });

  test("on a disk that does not make a new file either: later records are refused, none waits for ever", async () => {
    const { files, next } = withheld();
    const { spool } = open({ files });
    const lost = spool.usage(usage("lost"));
    files.refusesNames = true;
    (await next()).reject(new Error("EIO"));
    await expect(lost).rejects.toThrow("EIO");
    await expect(spool.usage(usage("lost too"))).rejects.toThrow("EIO");
    files.refusesNames = false;
    const kept = spool.usage(usage("kept"));
    (await next()).resolve();
    await kept;
    await spool.close();
    expect(idsOf(open().spool)).toEqual(["kept"]);
  });
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
