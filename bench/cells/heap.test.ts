import { expect, test } from "bun:test";
import { growthOf, type Heap, leastOf, sumOf } from "./heap.ts";

const heap = (cells: Heap["cells"], bytes = 0, bytesBeside = 0): Heap => ({ cells, bytes, bytesBeside });

test("what came onto the heap between two looks is told for each request, new types and vanished ones among it", () => {
  const earlier = heap({ Object: 1000, Timeout: 4 }, 64_000, 100);
  const later = heap({ Object: 1970, string: 350 }, 264_000, 24_100);
  expect(growthOf(earlier, later, 10)).toEqual(
    heap({ Object: 97, Timeout: -0.4, string: 35 }, 20_000, 2_400),
  );
});

test("a token costs what a long stream has more than a short one, by the tokens that it has more", () => {
  const short = heap({ Object: 110, Promise: 20 }, 5_000, 900);
  const long = heap({ Object: 366, Promise: 20, Uint8Array: 512 }, 30_600, 900);
  expect(growthOf(short, long, 256)).toEqual(heap({ Object: 1, Promise: 0, Uint8Array: 2 }, 100, 0));
});

test("the round with the fewest cells counts", () => {
  const calm = heap({ Object: 97, string: 35 });
  expect(leastOf([heap({ Object: 98, string: 36 }), calm, heap({ Object: 97, string: 35.1 })])).toBe(calm);
  expect(sumOf(calm.cells)).toBe(132);
  expect(() => leastOf([])).toThrow("no round");
});
