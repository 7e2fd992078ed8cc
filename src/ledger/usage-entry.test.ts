import { describe, expect, test } from "bun:test";
import { priceId, tenantId, vendorId } from "../core/ids.ts";
import { micropointsOf } from "../core/points.ts";
import { NO_USAGE } from "../core/usage.ts";
import type { AttemptRecord } from "./records.ts";
import { usageOf } from "./testing/records.ts";
import { entryFrom, entryOf, readEntry, recordOf } from "./usage-entry.ts";

const attempt: AttemptRecord = {
  vendor: vendorId("v"),
  vendorModel: "vm",
  keyId: "k",
  startedMs: 1,
  durationMs: 2,
  result: "served",
  status: 200,
  errorCode: null,
  vendorCode: null,
};
const BEYOND_FLOATS = micropointsOf(9_007_199_254_740_993n);

describe("a usage record as text", () => {
  test("is read as what it was made of, whatever its size and letters", () => {
    const record = usageOf("r", {
      model: 'a "model" of \\ ümläuts, 漢字 and 🜄',
      charged: BEYOND_FLOATS,
      loss: micropointsOf(1n),
      usage: { ...NO_USAGE, input: 3, images: 1, imageVariants: { "1024": 1 }, serviceTier: "flex" },
      attempts: [attempt, { ...attempt, usage: NO_USAGE, cost: BEYOND_FLOATS, price: priceId("p") }],
      flags: ["usage_estimated", "beyond_hold"],
    });
    const entry = entryOf(record);
    expect(entry).toMatchObject({ id: record.id, tenant: record.tenant, charged: BEYOND_FLOATS });
    expect(readEntry(entry.text)).toEqual(entry);
    expect(entryFrom(entry.text)).toEqual(entry);
    expect(recordOf(entry)).toEqual(record);
  });

  test("is told by its beginning, and by all of it where names need escapes", () => {
    for (const name of ["acme", "", 'a","tenant":"b', "a\\", "ä\n", '"', '\\","charged":"5"']) {
      const record = usageOf(`r${name}`, { tenant: tenantId(name), charged: BEYOND_FLOATS });
      const { text } = entryOf(record);
      expect(entryFrom(text)).toEqual(entryOf(record));
      expect(recordOf(entryFrom(text))).toEqual(record);
    }
  });

  test("has a vendor's code without what Postgres does not take", () => {
    const entry = entryOf(usageOf("r", { attempts: [{ ...attempt, vendorCode: "a\0b\ud800" }] }));
    expect(recordOf(entry).attempts).toEqual([{ ...attempt, vendorCode: "ab\ufffd" }]);
  });

  test("is refused where a part is missing that the books are made of", () => {
    const { text } = entryOf(usageOf("r", { attempts: [attempt] }));
    const whole = JSON.parse(text) as object;
    const wrong: readonly object[] = [
      { id: 1 },
      { tenant: null },
      { charged: 5 },
      { charged: "5.5" },
      { charged: "" },
      { loss: undefined },
      { usage: undefined },
      { flags: {} },
      { attempts: [null] },
    ];
    for (const part of wrong) {
      expect(() => readEntry(JSON.stringify({ ...whole, ...part }))).toThrow("parts missing");
    }
    for (const none of ["null", "5", "[]"]) expect(() => readEntry(none)).toThrow("parts missing");
    expect(() => readEntry(text.slice(1))).toThrow();
    expect(readEntry(text).tenant).toBe(tenantId("t"));
  });
});
