import { describe, expect, test } from "bun:test";
import { type Micropoints, micropointsOf } from "./points.ts";
import { costOf, type MeteredPrice, type Price, type PriceBand, type TokenRates } from "./price.ts";
import { affordableOutput, largestCost, type MostUse } from "./price-bounds.ts";
import { type PriceWindow, type Span, tariffAt } from "./price-hours.ts";
import { seededRandom } from "./random.ts";
import { completionTokens, isPlausible, NO_USAGE, plus, promptTokens, type Usage } from "./usage.ts";

/** Prices of every form and usages of every class, by seed: the hold is never less than what can come of it. */

const SEEDS = 3_000;
const random = seededRandom(1);
const upTo = (top: number): number => Math.floor(random.next() * (top + 1));
const chance = (share: number): boolean => random.next() < share;
const some = <T>(share: number, value: () => T): T | undefined => (chance(share) ? value() : undefined);
const rate = (): Micropoints => micropointsOf(BigInt(upTo(chance(0.2) ? 3 : 30_000_000)));
const present = <T extends object>(fields: T): T =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T; // nothing else is dropped

function someRates(): TokenRates {
  return present({
    input: rate(),
    output: rate(),
    cachedInput: some(0.5, rate),
    cacheWrite: some(0.5, rate),
    cacheWriteLong: some(0.4, rate),
    audioInput: some(0.3, rate),
    imageInput: some(0.3, rate),
    reasoning: some(0.3, rate),
    thinkingOutput: some(0.2, rate),
    audioOutput: some(0.3, rate),
    imageOutput: some(0.3, rate),
  } as TokenRates); // `present` takes out what is undefined
}

function someBands(): readonly PriceBand[] {
  const steps = [upTo(100) + 1, upTo(200) + 102, upTo(200) + 303].slice(0, 1 + upTo(2));
  return steps.map((above) => ({ above, rates: someRates() }));
}

function somePrice(): MeteredPrice {
  return present({
    kind: "metered",
    ...someRates(),
    bands: some(0.5, someBands),
    call: some(0.3, rate),
    image: some(0.5, rate),
    imageVariants: some(0.4, () => ({ hd: rate(), small: rate() })),
    second: some(0.3, rate),
    characters: some(0.3, rate),
    serviceTiers: some(0.4, () => ({ batch: 50, flex: 1 + upTo(99), fast: 100 + upTo(150) })),
  } as MeteredPrice); // as above
}

const someWindow = (): PriceWindow => ({
  days: [0, 1, 2, 3, 4, 5, 6].filter(() => chance(0.6)),
  hours: [{ from: upTo(1_439), to: 1_440 - upTo(1_439) }].filter(({ from, to }) => from !== to),
  price: somePrice(),
});

const anyPrice = (): Price =>
  chance(0.5)
    ? somePrice()
    : { kind: "timed", otherwise: somePrice(), windows: Array.from({ length: 1 + upTo(2) }, someWindow) };

/** A usage within what a hold assumes. */
function usageWithin(prompt: number, output: number, use: MostUse): Usage {
  let left = prompt;
  let toGive = output;
  const read = () =>
    take(
      () => left,
      (count) => (left -= count),
    );
  const given = () =>
    take(
      () => toGive,
      (count) => (toGive -= count),
    );
  const images = upTo(use.images ?? 0);
  return present({
    ...NO_USAGE,
    cachedInput: read(),
    cacheWrite: read(),
    cacheWriteLong: read(),
    audioInput: read(),
    imageInput: read(),
    input: chance(0.5) ? left : read(),
    reasoning: given(),
    audioOutput: given(),
    imageOutput: given(),
    output: chance(0.5) ? toGive : given(),
    images,
    imageVariants:
      use.imageVariant === undefined
        ? some(0.5, () => ({ hd: upTo(images) }))
        : { [use.imageVariant]: images },
    seconds: upTo(use.seconds ?? 0),
    characters: upTo(use.characters ?? 0),
    serviceTier: use.serviceTier ?? some(0.5, () => ["batch", "flex", "fast", "unheard"][upTo(3)]),
  } as Usage); // as above
}

function take(left: () => number, without: (count: number) => void): number {
  const count = chance(0.4) ? 0 : upTo(left());
  without(count);
  return count;
}

function someUse(): MostUse {
  const from = 1_790_000_000_000 + upTo(604_800_000);
  return present({
    images: some(0.4, () => upTo(4)),
    imageVariant: some(0.3, () => "hd"),
    seconds: some(0.3, () => upTo(100)),
    characters: some(0.3, () => upTo(1_000)),
    serviceTier: some(0.4, () => "flex"),
    span: some(0.7, (): Span => ({ from, until: from + upTo(86_400_000) })),
    reach: some(0.2, () => upTo(900)),
  } as MostUse); // as above
}

describe("of any price, for any usage within what a hold assumes", () => {
  test("the cost is never above the hold, in no class, band, tier and hour", () => {
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const price = anyPrice();
      const [prompt, output, use] = [upTo(600), upTo(600), someUse()];
      const held = largestCost(price, prompt, output, use);
      for (let tries = 0; tries < 4; tries += 1) {
        const { from, until } = use.span ?? { from: 0, until: 1_209_600_000 };
        const usage = usageWithin(prompt, output, use);
        expect(isPlausible(usage)).toBe(true);
        expect(promptTokens(usage)).toBeLessThanOrEqual(prompt);
        expect(completionTokens(usage)).toBeLessThanOrEqual(output);
        const cost = costOf(tariffAt(price, from + upTo(until - from)), usage);
        expect(cost).toBeLessThanOrEqual(held);
      }
    }
  });

  test("what an amount pays for is within it, and one token more is not", () => {
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const [price, use, prompt] = [anyPrice(), someUse(), upTo(600)];
      const amount = micropointsOf(BigInt(upTo(20_000)));
      const tokens = affordableOutput(price, prompt, amount, use);
      if (tokens < 0) {
        expect(largestCost(price, prompt, 0, use)).toBeGreaterThan(amount);
        continue;
      }
      if (tokens === Number.MAX_SAFE_INTEGER) continue;
      expect(largestCost(price, prompt, tokens, use)).toBeLessThanOrEqual(amount);
      expect(largestCost(price, prompt, tokens + 1, use)).toBeGreaterThan(amount);
    }
  });

  test("a sum of usages keeps every count", () => {
    for (let seed = 0; seed < 300; seed += 1) {
      const [a, b] = [usageWithin(90, 90, { images: 3 }), usageWithin(90, 90, { images: 3 })];
      const sum = plus(a, b);
      expect(promptTokens(sum)).toBe(promptTokens(a) + promptTokens(b));
      expect(completionTokens(sum)).toBe(completionTokens(a) + completionTokens(b));
      expect(sum.imageVariants?.hd ?? 0).toBe((a.imageVariants?.hd ?? 0) + (b.imageVariants?.hd ?? 0));
      expect(plus(a, NO_USAGE)).toMatchObject({ input: a.input, images: a.images });
    }
  });
});
