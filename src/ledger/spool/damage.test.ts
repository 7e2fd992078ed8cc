import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "../../core/random.ts";
import { usageEntry, usageOf } from "../testing/records.ts";
import { systemFiles } from "./files.ts";
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

describe("damage", () => {
  test("cut at any byte, exactly the whole records before the cut are left", async () => {
    const { spool } = open();
    const ends: number[] = [];
    for (let index = 0; index < 6; index += 1) {
      await spool.usage(usageOf(`u${index}`));
      ends.push(spool.end.offset);
    }
    await spool.close();
    const path = segmentPath(directory, 1);
    const whole = readFileSync(path);
    for (let length = 0; length <= whole.length; length += 1) {
      writeFileSync(path, whole.subarray(0, length));
      const { spool: cut } = open();
      expect(idsOf(cut)).toHaveLength(ends.filter((end) => end <= length).length);
      await cut.usage(usageOf("after"));
      expect(cut.read(START, 100)).toMatchObject({ gaps: [] });
      expect(idsOf(cut).at(-1)).toBe("after");
      await cut.close();
    }
  });

  test("a flipped bit costs the record that it hit, no other, and shows as a gap", async () => {
    const random = seededRandom(3);
    const some = (below: number) => Math.floor(random.next() * below);
    const { spool } = open({ segmentBytes: 2_000 });
    const written: string[] = [];
    for (let index = 0; index < 20; index += 1) {
      written.push(`u${index}`);
      await spool.usage(usageOf(`u${index}`, { finishReason: "x".repeat(some(200)) }));
    }
    const segments = spool.depth.segments;
    await spool.close();
    for (let round = 0; round < 300; round += 1) {
      const number = 1 + some(segments);
      const path = segmentPath(directory, number);
      const whole = readFileSync(path);
      const damaged = Buffer.from(whole);
      const at = some(whole.length);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << some(8));
      writeFileSync(path, damaged);
      const { spool: opened } = open();
      const { gaps, usages } = opened.read(START, 1e6);
      const survivors = new Set(usages.map(({ id }) => String(id)));
      const missing = written.filter((id) => !survivors.has(id));
      expect(missing).toHaveLength(1);
      const lost = BigInt(written.indexOf(missing[0] ?? "") + 1);
      // The very last record with a broken length looks like one that was never finished.
      if (gaps.length === 0) expect(missing).toEqual([written.at(-1) ?? ""]);
      else expect(gaps).toEqual([{ expected: lost, found: lost + 1n }]);
      expect(opened.read(START, 1e6).next.sequence).toBe(opened.end.sequence);
      await opened.close();
      writeFileSync(path, whole);
      rmSync(segmentPath(directory, segments + 1), { force: true });
    }
  });

  test("at the very end is told once, and writing goes on behind it", async () => {
    const { spool } = open();
    for (const id of ["a", "b"]) await spool.usage(usageOf(id));
    await spool.close();
    const path = segmentPath(directory, 1);
    const bytes = readFileSync(path);
    bytes[bytes.length - 3] = (bytes[bytes.length - 3] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    // Opened twice before anything is written: the second time must not forget it.
    await open().spool.close();
    const { spool: opened } = open();
    const { gaps, next } = opened.read(START, 10);
    expect([gaps, next.sequence]).toEqual([[{ expected: 2n, found: 3n }], opened.end.sequence]);
    await opened.usage(usageOf("c"));
    expect(opened.read(START, 10).gaps).toEqual(gaps);
    expect(idsOf(opened)).toEqual(["a", "c"]);
    expect(opened.read(next, 10)).toMatchObject({ usages: [usageEntry("c")], gaps: [] });
  });

  test("zeros at the end, as after a power failure, are cut off", async () => {
    const { spool } = open();
    await spool.usage(usageOf("a"));
    await spool.close();
    const path = segmentPath(directory, 1);
    writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(5_000)]));
    const { spool: opened } = open();
    await opened.usage(usageOf("b"));
    expect(opened.read(START, 10)).toMatchObject({ gaps: [] });
    expect(idsOf(opened)).toEqual(["a", "b"]);
  });

  test("a hole between segments shows as a gap", async () => {
    const { spool } = open({ segmentBytes: 1_000 });
    for (let index = 0; index < 12; index += 1) await spool.usage(usageOf(`u${index}`));
    await spool.close();
    rmSync(segmentPath(directory, 2));
    const { gaps } = open().spool.read(START, 100);
    expect(gaps).toHaveLength(1);
  });
});

test("a record that is not on the disk yet is not told behind a gap either", async () => {
  const { spool } = open();
  for (const id of ["a", "b", "c"]) await spool.usage(usageOf(id));
  await spool.close();
  const path = segmentPath(directory, 1);
  const bytes = readFileSync(path);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  const sync = Promise.withResolvers<void>();
  const { spool: opened } = open({ files: { ...systemFiles, sync: () => sync.promise } });
  const refused = opened.usage(usageOf("d"));
  await Bun.sleep(5);
  const { usages, gaps, next } = opened.read(START, 100);
  expect(usages).toEqual([usageEntry("a"), usageEntry("c")]);
  expect(gaps).toEqual([{ expected: 2n, found: 3n }]);
  expect(opened.read(next, 100)).toEqual({ usages: [], gaps: [], next });
  sync.reject(new Error("EIO"));
  await expect(refused).rejects.toThrow("EIO");
  expect(idsOf(opened)).toEqual(["a", "c"]);
});
