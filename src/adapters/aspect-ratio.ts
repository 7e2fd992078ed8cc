export interface Size {
  readonly width: number;
  readonly height: number;
}

/** `1920` by `1080` is `16:9`. */
export function aspectRatioOf({ width, height }: Size): string {
  const divisor = greatestCommonDivisor(width, height);
  return `${width / divisor}:${height / divisor}`;
}

/** Of these, written `16:9`, the one whose shape is nearest to a size: as many times too wide as another is too high. */
export function nearestRatio<Ratio extends string>(size: Size, ratios: readonly Ratio[]): Ratio | undefined {
  const wanted = Math.log(size.width / size.height);
  const distanceOf = (ratio: string): number => {
    const [width = 1, height = 1] = ratio.split(":").map(Number);
    return Math.abs(Math.log(width / height) - wanted);
  };
  return ratios.toSorted((a, b) => distanceOf(a) - distanceOf(b))[0];
}

const greatestCommonDivisor = (a: number, b: number): number =>
  b === 0 ? a : greatestCommonDivisor(b, a % b);
