import { expect, test } from "bun:test";
import { intentOf, usageEntry } from "../testing/records.ts";
import { START } from "./position.ts";
import { Tail } from "./tail.ts";

test("gives what was written from any position that is kept, and nothing from before", () => {
  const tail = new Tail();
  expect(tail.read(START, 10)).toBeUndefined();
  tail.add([usageEntry("a"), intentOf("b"), usageEntry("c")], [10, 20, 30], START);
  const first = tail.read(START, 2);
  expect(first).toMatchObject({ next: { segment: 1, offset: 30, sequence: 3n } });
  expect(first?.usages.map(({ id }) => String(id))).toEqual(["a"]);
  const rest = tail.read({ segment: 1, offset: 30, sequence: 3n }, 10);
  expect(rest).toMatchObject({ usages: [{ id: "c" }], next: { segment: 1, offset: 60, sequence: 4n } });
  const end = { segment: 1, offset: 60, sequence: 4n };
  expect(tail.read(end, 10)).toEqual({ usages: [], next: end });
  tail.release({ segment: 1, offset: 30, sequence: 3n });
  expect(tail.read(START, 10)).toBeUndefined();
  expect(tail.read({ segment: 1, offset: 30, sequence: 3n }, 10)?.usages).toHaveLength(1);
  tail.clear();
  expect(tail.read({ segment: 1, offset: 30, sequence: 3n }, 10)).toBeUndefined();
});

test("keeps so many letters at most, and none for what was released", () => {
  const tail = new Tail();
  const long = usageEntry("long", { model: "m".repeat(1024 * 1024) });
  const at = (number: number) => ({ segment: 1, offset: number, sequence: BigInt(number + 1) });
  for (let number = 0; number < 40; number += 1) tail.add([long], [1], at(number));
  expect(tail.read(START, 1)?.usages).toHaveLength(1);
  tail.release(at(40));
  for (let number = 40; number < 80; number += 1) tail.add([long], [1], at(number));
  expect(tail.read(at(40), 1)?.usages).toHaveLength(1);
  for (let number = 80; number < 100; number += 1) tail.add([long], [1], at(number));
  expect(tail.read(at(40), 1)).toBeUndefined();
  expect(tail.read(at(99), 10)?.next).toEqual(at(100));
});

test("keeps a bounded number", () => {
  const tail = new Tail();
  for (let number = 0; number < 100_000; number += 1) {
    tail.add([intentOf("x")], [1], { segment: 1, offset: number, sequence: BigInt(number + 1) });
  }
  expect(tail.read({ segment: 1, offset: 0, sequence: 40_000n }, 1)).toBeUndefined();
  expect(tail.read({ segment: 1, offset: 0, sequence: 99_000n }, 10_000)?.next.sequence).toBe(100_001n);
});
