import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
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
  const second = openDataDirectory(path, seededRandom(1));
  expect(second.nodeId).toBe(first.nodeId);
  expect(Buffer.from(second.masterSecret)).toEqual(Buffer.from(first.masterSecret));
  expect(first.masterSecret).toHaveLength(32);
  expect(statSync(join(path, "master-secret")).mode & 0o077).toBe(0);
});
