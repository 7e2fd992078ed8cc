import { describe, expect, test } from "bun:test";
import { dividedUp } from "./exact-numbers.ts";
import { micropointsOf } from "./points.ts";
import { costOf, type MeteredPrice } from "./price.ts";
import { largestCost } from "./price-bounds.ts";
import { seededRandom } from "./random.ts";
import { NO_USAGE, type Usage } from "./usage.ts";

/** What is worked out in numbers, by seed, against the same in bigints: of every size, and most of all where floats end. */

const TRIES = 20_000;
const random = seededRandom(7);
const upTo = (top: number): number => Math.floor(random.next() * (top + 1));
/** Each size as likely as any other. */
const ofAnySize = (mostBits: number): number => Math.floor(2 ** (random.next() * mostBits)) - 1;
const rate = () => micropointsOf(BigInt(ofAnySize(62)));
const usualRate = () => micropointsOf(BigInt(ofAnySize(27)));

const ceiling = (dividend: bigint, divisor: bigint): bigint => (dividend + divisor - 1n) / divisor;

function somePrice(): MeteredPrice {
  const some = random.next() < 0.2 ? rate : usualRate;
  return {
    kind: "metered",
    input: some(),
    output: some(),
    ...(random.next() < 0.5 ? { cachedInput: some() } : {}),
    ...(random.next() < 0.5 ? { cacheWrite: some() } : {}),
    ...(random.next() < 0.5 ? { reasoning: some() } : {}),
    ...(random.next() < 0.3 ? { serviceTiers: { fast: 100 + upTo(150) } } : {}),
  };
}

const someUsage = (): Usage => ({
  ...NO_USAGE,
  input: ofAnySize(33),
  cachedInput: ofAnySize(33),
  cacheWrite: random.next() < 0.5 ? 0 : ofAnySize(33),
  output: ofAnySize(33),
  reasoning: random.next() < 0.5 ? 0 : ofAnySize(33),
});

function costInBigints(price: MeteredPrice, usage: Usage): bigint {
  const { input, output, cachedInput = input, cacheWrite = input, reasoning = output } = price;
  const sum =
    BigInt(usage.input) * input +
    BigInt(usage.cachedInput) * cachedInput +
    BigInt(usage.cacheWrite) * cacheWrite +
    BigInt(usage.output) * output +
    BigInt(usage.reasoning) * reasoning;
  return ceiling(sum, 1_000_000n);
}

const dearest = (rates: readonly (bigint | undefined)[]): bigint =>
  rates.reduce<bigint>((top, each) => (each !== undefined && each > top ? each : top), 0n);

describe("numbers give exactly what bigints give", () => {
  test("for a cost, whatever the rates and counts", () => {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const [price, usage] = [somePrice(), someUsage()];
      expect<bigint>(costOf(price, usage)).toBe(costInBigints(price, usage));
    }
  });

  test("for the most that a request can cost", () => {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const [price, prompt, output] = [somePrice(), ofAnySize(33), ofAnySize(33)];
      const { input, cachedInput, cacheWrite, reasoning, serviceTiers } = price;
      const sum =
        BigInt(prompt) * dearest([input, cachedInput, cacheWrite]) +
        BigInt(output) * dearest([price.output, reasoning]);
      const expected = ceiling(sum * BigInt(serviceTiers?.fast ?? 100), 100_000_000n);
      expect<bigint>(largestCost(price, prompt, output)).toBe(expected);
    }
  });

  test("for a division rounded up, also right beside a multiple and right below 2^53", () => {
    for (const divisor of [1_000_000, 100_000_000]) {
      const most = Math.floor(Number.MAX_SAFE_INTEGER / divisor);
      for (let tries = 0; tries < TRIES; tries += 1) {
        const near = (random.next() < 0.5 ? most - upTo(1_000) : upTo(most)) * divisor;
        for (const dividend of [near - 1, near, near + 1, near + upTo(divisor - 1)]) {
          if (dividend < 0 || dividend > Number.MAX_SAFE_INTEGER) continue;
          expect(dividedUp(dividend, divisor)).toBe(ceiling(BigInt(dividend), BigInt(divisor)));
        }
      }
    }
  });

  test("and nothing where numbers end", () => {
    expect(dividedUp(Number.MAX_SAFE_INTEGER, 1)).toBe(BigInt(Number.MAX_SAFE_INTEGER));
    for (const beyond of [2 ** 53, 2 ** 70, Number.POSITIVE_INFINITY, Number.NaN]) {
      expect(dividedUp(beyond, 1_000_000)).toBeUndefined();
    }
  });

  test("what is no count is refused as ever", () => {
    const price = somePrice();
    for (const none of [0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => costOf(price, { ...NO_USAGE, input: none })).toThrow(RangeError);
      expect(() => largestCost(price, none, 1)).toThrow(RangeError);
    }
  });
});
