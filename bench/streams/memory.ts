import type { MockVendor } from "../../tests/mock-vendor.ts";
import type { MeasuredNode } from "./measured-node.ts";
import { openReaders } from "./readers.ts";

/** What running resumable streams hold in their node. KiB for each. */
export interface MemoryFigures {
  readonly streams: number;
  /** What the process grew by when the first so many came, and keeps of it: buffers of the allocator among it. */
  readonly first: number;
  /** The same for as many again: what a stream costs a process that has seen some. */
  readonly more: number;
  /** Of the latter, objects of the heap and what these hold outside it. */
  readonly objects: number;
}

/** Each has said so much when it is looked at, and the vendor is silent. */
export const SAID_TOKENS = 100;
/**
 * Streams that come and go before anything is measured, so many at a time: what is loaded once, and the code that is
 * compiled as it is used (some 10 MiB in all), is not counted as theirs.
 */
const WARM_UP = 200;
const WARM_UPS = 8;
const SETTLE_MS = 1_000;
const KIB = 1_024;

/** The vendor must answer `model`. */
export async function measureMemory(
  { gateway, held }: MeasuredNode,
  vendor: MockVendor,
  model: string,
  streams: number,
): Promise<MemoryFigures> {
  vendor.always({ tokens: 2 * SAID_TOKENS, hold: { afterTokens: SAID_TOKENS } });
  const { key } = await gateway.client("1000000");
  const open = async (count: number, all: number) => {
    const readers = await openReaders(gateway.url, key, model, count);
    await vendor.held.reached(all);
    await Bun.sleep(SETTLE_MS);
    return readers;
  };
  for (let times = 0; times < WARM_UPS; times += 1) {
    const warm = await open(WARM_UP, WARM_UP);
    warm.stop();
    await vendor.quiet();
  }
  await Bun.sleep(SETTLE_MS);
  const before = await held();
  const once = await open(streams, streams);
  const first = await held();
  const again = await open(streams, 2 * streams);
  const second = await held();
  once.stop();
  again.stop();
  await vendor.quiet();
  const each = (from: number, to: number): number => Math.round(((to - from) / KIB / streams) * 10) / 10;
  return {
    streams,
    first: each(before.rss, first.rss),
    more: each(first.rss, second.rss),
    objects: each(first.heap + first.outside, second.heap + second.outside),
  };
}
