import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Packr } from "msgpackr";
import { micropointsOf } from "../../core/points.ts";
import type { IntentRecord, ProgressRecord, UsageRecord } from "../records.ts";
import { intentOf, progressOf, usageEntry, usageOf } from "../testing/records.ts";
import { encodeFrames } from "./frame.ts";
import { START } from "./position.ts";
import { recordFrom, textOf } from "./record-text.ts";
import { segmentPath } from "./segment.ts";
import { idsOf, spoolIn } from "./testing/spool-in.ts";

const BEYOND_FLOATS = micropointsOf(9_007_199_254_740_993n);
const LETTERS = 'a "model" of \\ ümläuts, 漢字, 🜄 and \ud800';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "spool-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe("a record's text", () => {
  test("of every kind is read as what it was made of", () => {
    const records = [
      intentOf("a", { hold: BEYOND_FLOATS, model: LETTERS }),
      progressOf("b", BEYOND_FLOATS),
      usageEntry("c", { charged: BEYOND_FLOATS, model: LETTERS }),
    ];
    for (const record of records) expect(recordFrom(record.kind, textOf(record))).toEqual(record);
  });

  test("comes back from the disk, however many bytes its letters take", () => {
    const many = Array.from({ length: 300 }, (_, n) => intentOf(`r${n}`, { model: LETTERS.repeat(n + 1) }));
    const { bytes } = encodeFrames(many, 1n);
    spoolOf(bytes);
    expect(spoolIn(directory).open.map(({ intent }) => intent)).toEqual(many);
  });
});

describe("a spool of the former form", () => {
  const packr = new Packr({ useRecords: false });
  const KINDS = ["intent", "progress", "usage"] as const;

  function formerFrame(record: IntentRecord | ProgressRecord | UsageRecord, sequence: bigint): Buffer {
    const payload = Buffer.alloc(9);
    payload[0] = KINDS.indexOf(record.kind);
    payload.writeBigUInt64BE(sequence, 1);
    const whole = Buffer.concat([payload, packr.pack(record)]);
    const header = Buffer.alloc(8);
    header.writeUInt32BE(whole.length, 0);
    header.writeUInt32BE(Bun.hash.crc32(whole), 4);
    return Buffer.concat([header, whole]);
  }

  test("is read, what runs and what is used, and goes on in the form of now", async () => {
    const intent = intentOf("runs", { hold: BEYOND_FLOATS, model: LETTERS.slice(0, -1) });
    const progress = progressOf("runs", BEYOND_FLOATS);
    const former = [intent, progress, intentOf("used"), usageOf("used", { charged: BEYOND_FLOATS })];
    spoolOf(Buffer.concat(former.map((record, n) => formerFrame(record, BigInt(n + 1)))));
    const { spool, open } = spoolIn(directory);
    expect(open).toEqual([{ intent, progress }]);
    expect(spool.read(START, 10).usages).toEqual([usageEntry("used", { charged: BEYOND_FLOATS })]);
    await spool.usage(usageOf("runs"));
    await spool.close();
    const again = spoolIn(directory);
    expect([again.open, idsOf(again.spool)]).toEqual([[], ["used", "runs"]]);
    await again.spool.close();
  });
});

/** Writes the first segment. */
function spoolOf(bytes: Uint8Array): void {
  writeFileSync(segmentPath(directory, 1), bytes);
}
