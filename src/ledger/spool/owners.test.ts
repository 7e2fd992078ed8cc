import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { IntentOwner, UsageOwner } from "../records.ts";
import { intentOf, usageOf } from "../testing/records.ts";
import { type Files, systemFiles } from "./files.ts";
import { spoolIn } from "./testing/spool-in.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "spool-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Writes down what it is told, and fails then if it is to. */
function ownerOf(told: string[], name: string, isFailing = false): IntentOwner & UsageOwner {
  const hear = (what: string) => {
    told.push(`${name}: ${what}`);
    if (isFailing) throw new Error("a broken owner");
  };
  return {
    intentWritten: () => hear("intent written"),
    intentRefused: () => hear("intent refused"),
    usageWritten: () => hear("usage written"),
    usageRefused: () => hear("usage refused"),
  };
}

test("owners are told before whoever waits, and one that fails keeps nobody from going on", async () => {
  const told: string[] = [];
  const { spool } = spoolIn(directory);
  const [broken, sound] = [ownerOf(told, "broken", true), ownerOf(told, "sound")];
  await Promise.all([spool.intent(intentOf("a"), broken), spool.intent(intentOf("b"), sound)]);
  told.push("intents awaited");
  await Promise.all([spool.usage(usageOf("a"), broken), spool.usage(usageOf("b"), sound)]);
  told.push("usage awaited");
  await spool.usage(usageOf("c"), sound);
  expect(told).toEqual([
    "broken: intent written",
    "sound: intent written",
    "intents awaited",
    "broken: usage written",
    "sound: usage written",
    "usage awaited",
    "sound: usage written",
  ]);
  await spool.close();
});

test("owners are told of what the disk refuses, and of nothing that is thrown at once", async () => {
  const told: string[] = [];
  let isFailing = true;
  const files: Files = {
    ...systemFiles,
    write(descriptor, bytes, position) {
      if (isFailing) throw new Error("ENOSPC: no space left on device");
      systemFiles.write(descriptor, bytes, position);
    },
  };
  const { spool } = spoolIn(directory, { files });
  const [broken, sound] = [ownerOf(told, "broken", true), ownerOf(told, "sound")];
  const refused = [spool.intent(intentOf("a"), broken), spool.intent(intentOf("b"), sound)];
  expect((await Promise.allSettled(refused)).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(() => spool.intent(intentOf("c"), sound)).toThrow("disk");
  await expect(spool.usage(usageOf("d"), sound)).rejects.toThrow("ENOSPC");
  isFailing = false;
  await spool.usage(usageOf("d"), sound);
  await spool.close();
  await expect(spool.usage(usageOf("e"), sound)).rejects.toThrow("closed");
  expect(told).toEqual([
    "broken: intent refused",
    "sound: intent refused",
    "sound: usage refused",
    "sound: usage written",
    "sound: usage refused",
  ]);
});
