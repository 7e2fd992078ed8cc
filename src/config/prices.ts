import { z } from "zod";
import type { Operation } from "../core/catalog.ts";
import { isMediaOperation } from "../core/media.ts";
import { type Micropoints, micropointsOf, parsePoints } from "../core/points.ts";
import type { MeteredPrice, Price } from "../core/price.ts";
import { points } from "./fields.ts";

/** Points per million tokens, or each where it says so. */
const rates = z
  .strictObject({
    input: points.optional().describe("Points per million prompt tokens."),
    cachedInput: points.optional().describe("Prompt tokens read from the vendor's cache; absent: as input."),
    cacheWrite: points.optional().describe("Prompt tokens written to the vendor's cache; absent: as input."),
    output: points.optional().describe("Points per million answer tokens."),
    reasoning: points.optional().describe("Reasoning tokens; absent: as output."),
    call: points.optional().describe("Points for each call."),
    image: points.optional().describe("Points for each image produced."),
    second: points.optional().describe("Points for each second of audio or video."),
  })
  .describe("What use costs.");

export const priceSchema = z.union([z.literal("free"), rates], {
  error: (issue) =>
    issue.input === undefined
      ? "is required: a model without a price cannot be served (`price: free` says that it costs nothing)"
      : "must be rates such as { input: 2, output: 8 }, or `free`",
});
export type PriceInput = z.input<typeof priceSchema>;

/** Why a price that is made of amounts is still none, for what the model is used for. Undefined: it is one. */
export function priceProblem(price: PriceInput, operations?: readonly Operation[]): string | undefined {
  if (price === "free") return undefined;
  const given = Object.values(price).filter((rate) => rate !== undefined);
  if (given.length === 0) return "has no rate: give { input, output }, or say `price: free`";
  if (given.every((rate) => Number(rate) === 0)) return "charges nothing: say `price: free` if that is meant";
  const draws = operations?.some((name) => isMediaOperation(name)) === true;
  const byPicture = [price.image, price.call, price.output, price.second];
  if (draws && byPicture.every((rate) => rate === undefined || Number(rate) === 0)) {
    return "has no rate that pictures are charged by: give `image`, `call` or `output`";
  }
  const onlyEmbeds =
    operations !== undefined && operations.length > 0 && operations.every((name) => name === "embedding");
  const byToken = [price.input, price.cachedInput, price.cacheWrite, price.output, price.reasoning];
  if (byToken.every((rate) => rate === undefined)) return undefined;
  if (price.input === undefined) return "has no rate for `input`";
  if (price.output === undefined && !onlyEmbeds) {
    return "has no rate for `output` (only a model with `operations: [embedding]` needs none)";
  }
  return undefined;
}

/** A price as the file or the admin API gives it, as the core applies it. The input must have passed `priceSchema`. */
export function priceOf(price: PriceInput): Price {
  if (price === "free") return { kind: "free" };
  const metered: { -readonly [Name in keyof MeteredPrice]: MeteredPrice[Name] } = {
    kind: "metered",
    input: amountOf(price.input ?? 0),
    output: amountOf(price.output ?? 0),
  };
  for (const name of ["cachedInput", "cacheWrite", "reasoning", "call", "image", "second"] as const) {
    const rate = price[name];
    if (rate !== undefined) metered[name] = amountOf(rate);
  }
  return metered;
}

function amountOf(value: string | number): Micropoints {
  const amount = parsePoints(value);
  if (amount === undefined || amount < 0n) throw new Error("a price was converted before it was checked");
  return micropointsOf(amount);
}
