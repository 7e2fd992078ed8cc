import { percentilesOf } from "../statistics.ts";
import type { MeasuredNode } from "./measured-node.ts";
import { openReaders, type Watched } from "./readers.ts";

/** How streams that speak come through, and what their node grew by meanwhile. */
export interface DelayFigures {
  readonly streams: number;
  /** Streams that came. */
  readonly heard: number;
  /** Milliseconds behind the earliest token of the same stream, by the vendor's even pace. */
  readonly p50: number;
  readonly p99: number;
  readonly firstP50: number;
  readonly firstP99: number;
  /** KiB each, garbage included. */
  readonly memory: number;
}

export const TOKENS_A_SECOND = 2;
const WATCH_MS = 20_000;

/** `model` is one that speaks at `TOKENS_A_SECOND`. */
export async function measureDelay(
  { gateway, rss }: MeasuredNode,
  model: string,
  streams: number,
): Promise<DelayFigures> {
  const { key } = await gateway.client("1000000");
  const before = await rss();
  const readers = await openReaders(gateway.url, key, model, streams);
  await Bun.sleep(WATCH_MS);
  const after = await rss();
  readers.stop();
  const late = percentilesOf(readers.watched.flatMap(delaysOf));
  const heard = readers.watched.flatMap(({ firstMs }) => (firstMs === undefined ? [] : [firstMs]));
  const first = percentilesOf(heard);
  return {
    streams,
    heard: heard.length,
    p50: rounded(late.p50),
    p99: rounded(late.p99),
    firstP50: rounded(first.p50),
    firstP99: rounded(first.p99),
    memory: rounded((after - before) / 1_024 / streams),
  };
}

function delaysOf({ arrivals }: Watched): readonly number[] {
  const late = arrivals.map(({ at, tokens }) => at - (tokens * 1_000) / TOKENS_A_SECOND);
  const best = Math.min(...late);
  return late.map((at) => at - best);
}

const rounded = (value: number): number => Math.round(value * 10) / 10;
