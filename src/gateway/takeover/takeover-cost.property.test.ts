import { expect, test } from "bun:test";
import { type PriceInput, priceOf } from "../../config/prices.ts";
import { priceId } from "../../core/ids.ts";
import { costOf } from "../../core/price.ts";
import { seededRandom } from "../../core/random.ts";
import { NO_USAGE } from "../../core/usage.ts";
import { parseChat } from "../requests/chat.ts";
import { pricedBy, type Route } from "../routes.ts";
import { routeOf } from "../testing/fixtures.ts";
import { takeoverCost } from "./takeover-cost.ts";

/** Answers that one vendor begins and another ends, at prices with bands and hours: never more than was held. */
const SEEDS = 2_000;
const CUTS = 8;

test("no beginning and no end cost more than the hold, wherever the first vendor dies", () => {
  const random = seededRandom(3);
  const upTo = (top: number): number => Math.floor(random.next() * (top + 1));
  const rates = () => ({ input: upTo(30), output: upTo(30) });
  const banded = (): Exclude<PriceInput, "free"> => {
    const whole = rates();
    if (random.next() < 0.3) return whole;
    const steps = [upTo(300) + 1, upTo(300) + 302].slice(0, 1 + upTo(1));
    return { ...whole, bands: steps.map((above) => ({ above, ...rates() })) };
  };
  const price = (): PriceInput => {
    const otherwise = banded();
    if (random.next() < 0.7) return otherwise;
    const { bands = otherwise.bands, ...window } = banded();
    const more = bands === undefined ? {} : { bands };
    return { ...otherwise, times: [{ at: "01:00-02:00", ...window, ...more }] };
  };
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const candidates = [price(), price()].map((input): Route => {
      const spec = priceOf(input);
      return { ...routeOf("v", { input: 0n, output: 0n }), price: { id: priceId("p"), spec } };
    });
    const most = 1 + upTo(400);
    const request = parseChat(
      { model: "m", stream: true, messages: [{ role: "user", content: "hi" }], max_tokens: most },
      2 * upTo(400),
    );
    const at = 86_400_000 + upTo(7_200_000);
    const held = takeoverCost(candidates, request, at);
    for (let cut = 0; cut < CUTS; cut += 1) {
      const begun = upTo(most);
      const [first, second] = random.next() < 0.5 ? candidates : candidates.toReversed();
      if (first === undefined || second === undefined) throw new Error("there are two");
      const admitted = at + upTo(600_000);
      // Read again by another tokenizer, with the instruction; prompts may turn out shorter than they were estimated.
      const prompt = upTo(request.promptTokens);
      const reread = Math.min(prompt + 128 + Math.ceil(begun * 1.5), upTo(2_000));
      const beginning = costOf(pricedBy(first, admitted), { ...NO_USAGE, input: prompt, output: begun });
      const end = costOf(pricedBy(second, admitted), {
        ...NO_USAGE,
        input: reread,
        output: Math.max(1, most - begun),
      });
      expect(beginning + end).toBeLessThanOrEqual(held);
    }
  }
});
