import type { Algorithm } from "../../core/algorithms.ts";
import { BucketMeter } from "./bucket-meter.ts";
import { LeakyBucket } from "./leaky-bucket.ts";
import type { Meter } from "./meter.ts";
import { SlidingWindow } from "./sliding-window.ts";
import type { BucketRate } from "./token-bucket.ts";

/** The counter of a node's part, with nothing in it yet. */
export function createMeter(algorithm: Algorithm, whole: BucketRate, now: number): Meter {
  switch (algorithm) {
    case "token-bucket":
      return new BucketMeter(now);
    case "sliding-window":
      return new SlidingWindow(whole);
    case "leaky-bucket":
      return new LeakyBucket(now);
  }
}
