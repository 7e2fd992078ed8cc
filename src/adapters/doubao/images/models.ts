import type { SizeBounds } from "../../fitted-size.ts";

/** What a Seedream model takes, told by its name; one that says nothing (`ep-…`) is taken for the newest line. */
export interface Traits {
  readonly sizes: SizeBounds;
  /** Can be told the format of its pictures. */
  readonly choosesFormat: boolean;
  /** Takes `seed` and `guidance_scale`. */
  readonly takesSeed: boolean;
  /** Draws several pictures that belong together in one call. */
  readonly drawsSequences: boolean;
}

/** 4096 by 4096. */
const MOST_PIXELS = 16_777_216;

/** Volcengine's and ModelArk's pages on image generation; the bounds of 3.0 and 4.0 are general knowledge. */
export function traitsOf(model: string): Traits {
  const [, major = "5", minor = "0"] = /seed(?:ream|edit)-(\d{1,2})-(\d{1,2})(?!\d)/.exec(model) ?? [];
  const version = Number(major) * 100 + Number(minor);
  return {
    sizes:
      version < 400
        ? { pixels: [512 * 512, 2_048 * 2_048] }
        : { pixels: [version < 405 ? 1_280 * 720 : 3_686_400, MOST_PIXELS] },
    choosesFormat: version >= 500,
    takesSeed: version < 400,
    drawsSequences: version >= 400,
  };
}
