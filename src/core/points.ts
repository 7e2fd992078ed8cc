/**
 * Points, the unit of money. One point is 1 000 000 micropoints; every amount is an integer number of
 * micropoints in a bigint. JSON carries amounts as decimal strings with up to six places.
 */
declare const micropoints: unique symbol;
export type Micropoints = bigint & { readonly [micropoints]: true };

const MICROPOINTS_PER_POINT = 1_000_000n;
const AMOUNT = /^(-?)(\d{1,12})(?:\.(\d{1,6}))?$/;

export const ZERO = 0n as Micropoints;

/** The one door through which a raw integer becomes an amount. */
export function micropointsOf(value: bigint): Micropoints {
  return value as Micropoints;
}

export function add(a: Micropoints, b: Micropoints): Micropoints {
  return (a + b) as Micropoints;
}

export function subtract(a: Micropoints, b: Micropoints): Micropoints {
  return (a - b) as Micropoints;
}

export function least(a: Micropoints, b: Micropoints): Micropoints {
  return a < b ? a : b;
}

export function most(a: Micropoints, b: Micropoints): Micropoints {
  return a > b ? a : b;
}

/** Reads `"12.5"` (or a JSON number written without an exponent); undefined when it is not an amount. */
export function parsePoints(value: unknown): Micropoints | undefined {
  const text = typeof value === "number" && Number.isFinite(value) ? decimal(value) : value;
  if (typeof text !== "string") return undefined;
  const match = AMOUNT.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = "0", fraction = ""] = match;
  const amount = BigInt(whole) * MICROPOINTS_PER_POINT + BigInt(fraction.padEnd(6, "0"));
  return (sign === "-" ? -amount : amount) as Micropoints;
}

/** Writes the shortest exact decimal: 12500000n → `"12.5"`. */
export function formatPoints(amount: Micropoints): string {
  const number = Number(amount);
  // Up to 15 digits a float is written as the very decimal that it stands for, and never with an exponent here.
  if (number < FIFTEEN_DIGITS && number > -FIFTEEN_DIGITS) return String(number / 1_000_000);
  const magnitude = amount < 0n ? -amount : amount;
  const whole = magnitude / MICROPOINTS_PER_POINT;
  const fraction = (magnitude % MICROPOINTS_PER_POINT)
    .toString()
    .padStart(6, "0")
    .replace(TRAILING_ZEROS, "");
  return `${amount < 0n ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

const FIFTEEN_DIGITS = 1e15;
const TRAILING_ZEROS = /0+$/;

/** A number's decimal form without an exponent, as far as six places reach; 0.1 stays "0.1". */
function decimal(value: number): string {
  const text = String(value);
  return text.includes("e") ? value.toFixed(6) : text;
}
