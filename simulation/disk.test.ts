import { expect, test } from "bun:test";
import type { Random } from "../src/core/random.ts";
import { Disk } from "./disk.ts";
import { VirtualTime } from "./virtual-time.ts";

/** Nothing but what was synced is left of a file. */
const least: Random = { next: () => 0, bytes: (length) => new Uint8Array(length) };

async function written() {
  const time = new VirtualTime();
  const disk = new Disk(time, least);
  const { files } = disk;
  const file = files.open("/f");
  files.write(file, Uint8Array.of(1, 2, 3, 4), 0);
  const synced = files.sync(file);
  await time.pass(5);
  await synced;
  const content = (): number[] => {
    const bytes = new Uint8Array(files.size(file));
    files.read(file, bytes, 0);
    return [...bytes];
  };
  return { disk, files, file, content };
}

test("a power failure takes what was written after the last sync", async () => {
  const { disk, files, file, content } = await written();
  files.write(file, Uint8Array.of(5, 6), 4);
  expect(content()).toEqual([1, 2, 3, 4, 5, 6]);
  disk.failPower();
  expect(content()).toEqual([1, 2, 3, 4]);
});

test("what is written after a cut is not there before it was synced, and what is cut does not come back", async () => {
  const { disk, files, file, content } = await written();
  files.truncate(file, 2);
  files.write(file, Uint8Array.of(7, 7, 7), 2);
  expect(content()).toEqual([1, 2, 7, 7, 7]);
  disk.failPower();
  expect(content()).toEqual([1, 2]);
});

test("a file keeps its bytes as it grows", async () => {
  const { files, file, content } = await written();
  const expected = content();
  for (let written = 0; written < 40_000; written += 1_000) {
    const bytes = new Uint8Array(1_000).fill(written / 1_000);
    files.write(file, bytes, files.size(file));
    expected.push(...bytes);
  }
  expect(content()).toEqual(expected);
});

test("a write anywhere but at the end is refused: the model does not know what a failure leaves of it", async () => {
  const { files, file } = await written();
  expect(() => files.write(file, Uint8Array.of(9), 1)).toThrow("at its end");
  expect(() => files.write(file, Uint8Array.of(9), 5)).toThrow("at its end");
});
