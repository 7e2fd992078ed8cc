/**
 * Amounts worked out in numbers where that is exact: a tenth of what bigints cost, made anew for each step. Every
 * term is a product of whole numbers and none is negative. A sum below 2^53 then has no term and no partial sum that is
 * not, so nothing in it was rounded; one that is not below (or no number) has to be worked out in bigints.
 */
const LIMIT = 2 ** 53;

/** True for what may be a factor. */
export const isWhole = (count: number): boolean => Number.isInteger(count) && count >= 0;

/** `dividend / divisor`, rounded up. Undefined: numbers do not hold it. */
export function dividedUp(dividend: number, divisor: number): bigint | undefined {
  if (!(dividend < LIMIT)) return undefined;
  // A quotient that is not whole is 1 / divisor away from what is, which floats of that size tell apart.
  return BigInt(Math.ceil(dividend / divisor));
}
