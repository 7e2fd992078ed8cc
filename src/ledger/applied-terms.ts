import { type MeteredPrice, type Price, percentOf, ratesFor } from "../core/price.ts";
import { windowAt } from "../core/price-hours.ts";
import { formatPriceHours } from "../core/price-hours-text.ts";
import { promptTokens, type Usage } from "../core/usage.ts";
import { type PriceDocument, ratesDocument, unitsDocument } from "./price-document.ts";

/**
 * What of a price was applied to a usage, so that its cost can be worked out again: each class of token times its
 * rate over a million, and what is paid each; of the sum the per cent, rounded up to the sixth decimal.
 */
export interface AppliedTerms {
  /** The hours (UTC) whose price was in force; null: outside of all that the price names. */
  readonly hours: string | null;
  /** The prompt had more tokens than this; null: it was charged by the usual rates. */
  readonly above: number | null;
  /**
   * Points per million tokens, by class (one that is missing costs as `input` or `output`), and what is paid for each
   * call, image and second.
   */
  readonly rates: PriceDocument;
  /** Of the whole, for the vendor's service tier. */
  readonly percent: number;
}

/** @param at when the request was admitted, epoch milliseconds. Null: nothing is charged by this price. */
export function appliedTerms(price: Price, usage: Usage, at: number): AppliedTerms | null {
  if (price.kind === "free") return null;
  if (price.kind === "metered") return termsOf(price, usage, null);
  const window = windowAt(price, at);
  if (window === undefined) return termsOf(price.otherwise, usage, null);
  return termsOf(window.price, usage, formatPriceHours(window));
}

function termsOf(tariff: MeteredPrice, usage: Usage, hours: string | null): AppliedTerms {
  const rates = ratesFor(tariff, promptTokens(usage));
  const above = tariff.bands?.find((band) => band.rates === rates)?.above ?? null;
  const percent = percentOf(tariff, usage.serviceTier);
  return { hours, above, rates: { ...ratesDocument(rates), ...unitsDocument(tariff) }, percent };
}
