import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom, systemRandom } from "../core/random.ts";
import { openDataDirectory } from "./data-directory.ts";

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "data-"));
});
afterEach(() => rmSync(parent, { recursive: true }));

test("a node keeps its name and its secret", () => {
  const path = join(parent, "new/data");
  const first = openDataDirectory(path, systemRandom);
  first.unlock();
  const second = openDataDirectory(path, seededRandom(1));
  expect(second.nodeId).toBe(first.nodeId);
  expect(Buffer.from(second.masterSecret)).toEqual(Buffer.from(first.masterSecret));
  expect(first.masterSecret).toHaveLength(32);
  expect(statSync(join(path, "master-secret")).mode & 0o077).toBe(0);
});

test("another process that runs there is named", async () => {
  const child = Bun.spawn(["sleep", "30"]);
  writeFileSync(join(parent, "sluice.lock"), `${child.pid}\n`);
  expect(() => openDataDirectory(parent, systemRandom)).toThrow(`in use by process ${child.pid}`);
  child.kill();
  await child.exited;
  expect(openDataDirectory(parent, systemRandom).path).toBe(parent);
});

test("a number that now belongs to another process does not lock", () => {
  writeFileSync(join(parent, "sluice.lock"), `1 123456789\n`);
  expect(openDataDirectory(parent, systemRandom).path).toBe(parent);
});
