import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SluiceError } from "../../core/errors.ts";
import { type Random, seededRandom } from "../../core/random.ts";
import { intentOf, usageEntry, usageOf } from "../testing/records.ts";
import { type Files, systemFiles } from "./files.ts";
import { START } from "./position.ts";
import type { SpoolOptions } from "./spool.ts";
import { idsOf, spoolIn } from "./testing/spool-in.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "spool-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const open = (options: Partial<SpoolOptions> = {}) => spoolIn(directory, options);

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
      await spool.usage(usageOf("a"));
      files.fail = kind;
      await expect(spool.usage(usageOf("lost"))).rejects.toThrow(/ENOSPC|EIO/);
      expect(spool.isHealthy).toBe(false);
      expect(() => spool.intent(intentOf("x"))).toThrow(SluiceError);
      files.fail = undefined;
      await spool.usage(usageOf("b"));
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
    const lost = spool.usage(usageOf("lost"));
    const sync = await next();
    await spool.intent(intentOf("admitted meanwhile"));
    const end = spool.end.sequence;
    sync.reject(new Error("EIO"));
    await expect(lost).rejects.toThrow("EIO");
    expect(spool.end.sequence).toBe(end - 1n);
    const kept = spool.usage(usageOf("kept"));
    (await next()).resolve();
    await kept;
    expect(spool.isHealthy).toBe(true);
    expect(spool.read(START, 10)).toMatchObject({ usages: [usageEntry("kept")], gaps: [] });
    await spool.close();
    const again = open();
    expect(again.open.map(({ intent: { id } }) => String(id))).toEqual(["admitted meanwhile"]);
    expect(again.spool.read(START, 10)).toMatchObject({ usages: [usageEntry("kept")], gaps: [] });
  });

  test("on a disk that does not make a new file either: later records are refused, none waits for ever", async () => {
    const { files, next } = withheld();
    const { spool } = open({ files });
    const lost = spool.usage(usageOf("lost"));
    files.refusesNames = true;
    (await next()).reject(new Error("EIO"));
    await expect(lost).rejects.toThrow("EIO");
    await expect(spool.usage(usageOf("lost too"))).rejects.toThrow("EIO");
    files.refusesNames = false;
    const kept = spool.usage(usageOf("kept"));
    (await next()).resolve();
    await kept;
    await spool.close();
    expect(idsOf(open().spool)).toEqual(["kept"]);
  });
});

test("what was refused is not told to the ledger, on a disk that does not let it be cut off either", async () => {
  let isFailing = false;
  const files: Files = {
    ...systemFiles,
    sync: () => (isFailing ? Promise.reject(new Error("EIO: i/o error")) : Promise.resolve()),
    truncate(descriptor, length) {
      if (isFailing) throw new Error("EROFS: read-only file system");
      systemFiles.truncate(descriptor, length);
    },
  };
  const { spool } = open({ files });
  await spool.usage(usageOf("a"));
  await spool.intent(intentOf("still open"));
  isFailing = true;
  await expect(spool.usage(usageOf("refused"))).rejects.toThrow("EIO");
  expect(idsOf(spool)).toEqual(["a"]);
  isFailing = false;
  await spool.usage(usageOf("b"));
  // Its number is not given again: it may stand in the file after all.
  expect(spool.read(START, 10)).toMatchObject({
    usages: [usageEntry("a"), usageEntry("b")],
    gaps: [{ expected: 3n, found: 4n }],
  });
  expect(spool.depth.openIntents).toBe(1);
  await spool.usage(usageOf("still open"));
  spool.release(spool.end);
  expect(spool.depth.bytes).toBe(spool.end.offset);
});

test("a file that was ended is synced before what follows it is acknowledged", async () => {
  const synced: number[] = [];
  const files: Files = {
    ...systemFiles,
    async sync(descriptor) {
      synced.push(descriptor);
      await systemFiles.sync(descriptor);
    },
  };
  const { spool } = open({ files, segmentBytes: 150 });
  await spool.intent(intentOf("a"));
  await spool.intent(intentOf("b"));
  await spool.intent(intentOf("c"));
  expect(spool.depth.segments).toBe(2);
  await spool.usage(usageOf("a"));
  // Both files, the older one first.
  expect(synced).toHaveLength(2);
  expect(synced[0]).toBeLessThan(synced[1] ?? 0);
  await spool.usage(usageOf("b"));
  expect(synced).toHaveLength(spool.depth.segments === 2 ? 3 : 4);
});

test("whatever the disk does, what was acknowledged is there after a crash, and what was refused is not", async () => {
  for (let seed = 0; seed < 60; seed += 1) {
    const random = seededRandom(seed);
    const path = join(directory, String(seed));
    const files = unreliable(random);
    const { spool } = spoolIn(path, { files, segmentBytes: 3_000 });
    const acknowledged: string[] = [];
    const refused: string[] = [];
    for (let step = 0; step < 60; step += 1) {
      files.isFailing = random.next() < 0.2;
      const ids = Array.from({ length: 1 + Math.floor(random.next() * 4) }, (_, index) => `${step}-${index}`);
      await Promise.all(
        ids.map(async (id) => {
          try {
            await spool.usage(usageOf(id, { finishReason: "x".repeat(Math.floor(random.next() * 300)) }));
            acknowledged.push(id);
          } catch {
            refused.push(id);
          }
        }),
      );
    }
    files.isFailing = false;
    // The process ends here without closing anything.
    const { spool: again } = spoolIn(path);
    const { usages, gaps } = again.read(START, 1e6);
    const there = usages.map(({ id }) => String(id));
    expect(refused.length).toBeGreaterThan(0);
    expect(there.toSorted()).toEqual(acknowledged.toSorted());
    expect(gaps).toEqual([]);
    await again.close();
  }
});

/** A disk that refuses, writes a part, or loses a sync, whenever it is failing. */
function unreliable(random: Random): Files & { isFailing: boolean } {
  return {
    ...systemFiles,
    isFailing: false,
    write(descriptor, bytes, position) {
      if (this.isFailing && random.next() < 0.5) {
        systemFiles.write(descriptor, bytes.subarray(0, Math.floor(random.next() * bytes.length)), position);
        throw new Error("ENOSPC: no space left on device");
      }
      systemFiles.write(descriptor, bytes, position);
    },
    sync(descriptor) {
      if (this.isFailing && random.next() < 0.5) return Promise.reject(new Error("EIO: i/o error"));
      return systemFiles.sync(descriptor);
    },
    syncDirectory(path) {
      if (this.isFailing && random.next() < 0.3) throw new Error("EIO: i/o error");
      systemFiles.syncDirectory(path);
    },
  };
}
