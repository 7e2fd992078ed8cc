import type { Size } from "./aspect-ratio.ts";

/** What a vendor draws: numbers of pixels, of the whole picture and of a side. */
export interface SizeBounds {
  readonly pixels: readonly [least: number, most: number];
  readonly side?: readonly [least: number, most: number];
}

/** The size of the same shape that is nearest to the one asked for and within the bounds. */
export function fittedSize({ width, height }: Size, { pixels, side }: SizeBounds): Size {
  const [least, most] = pixels;
  const area = width * height;
  const grown = area < least ? Math.sqrt(least / area) : area > most ? Math.sqrt(most / area) : 1;
  const [shortest, longest] = side ?? [1, Number.POSITIVE_INFINITY];
  const long = Math.max(width, height) * grown;
  const short = Math.min(width, height) * grown;
  const scale = grown * (long > longest ? longest / long : short < shortest ? shortest / short : 1);
  // Rounded away from the bound that was met, so that no pixel is missing to the least or beyond the most.
  const round = scale > 1 ? Math.ceil : Math.floor;
  const rounded = (length: number): number =>
    Math.min(longest, Math.max(shortest, round(Number((length * scale).toFixed(6)))));
  return { width: rounded(width), height: rounded(height) };
}

export const isSameSize = (a: Size, b: Size): boolean => a.width === b.width && a.height === b.height;
