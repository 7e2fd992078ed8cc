import { add, type Micropoints, micropointsOf, ZERO } from "../../core/points.ts";
import { costOf, type Price, type Tariff } from "../../core/price.ts";
import { largestCost } from "../../core/price-bounds.ts";
import { NO_USAGE, plus, type Usage } from "../../core/usage.ts";
import type { UsageFlag } from "../../ledger/records.ts";
import type { Metered } from "../meter.ts";

/** What a conversation has used and costs: the sum of what its vendor told, answer by answer. */
export class Account {
  #used: Usage = NO_USAGE;
  #cost: Micropoints = ZERO;
  #isEstimated = false;

  constructor(
    readonly tariff: Tariff,
    readonly price: Price,
    readonly mostOutputTokens: number,
  ) {}

  add(usage: Usage, isEstimated = false): void {
    this.#used = plus(this.#used, usage);
    // Bands go by the prompt of one answer, so that each is priced by itself; else the sum is rounded up once.
    this.#cost = this.#hasBands
      ? add(this.#cost, costOf(this.tariff, usage))
      : costOf(this.tariff, this.#used);
    this.#isEstimated ||= isEstimated;
  }

  get used(): Usage {
    return this.#used;
  }

  get cost(): Micropoints {
    return this.#cost;
  }

  /** With what is under way and was not told. */
  withPending(pending: Usage): { readonly usage: Usage; readonly cost: Micropoints } {
    return {
      usage: plus(this.#used, pending),
      cost: micropointsOf(this.#cost + costOf(this.tariff, pending)),
    };
  }

  /**
   * What must be held on top of the cost so far for all answers under way, or the next one, whatever they say.
   * @param prompts tokens that each of them reads at most
   */
  needed(prompts: readonly number[]): Micropoints {
    return prompts.reduce(
      (sum, tokens) => add(sum, largestCost(this.price, tokens, this.mostOutputTokens)),
      ZERO,
    );
  }

  metered(): Metered {
    const flags: readonly UsageFlag[] = this.#isEstimated ? ["usage_estimated"] : [];
    return { usage: this.#used, cost: this.#cost, isBillable: true, flags };
  }

  get #hasBands(): boolean {
    return this.tariff.kind === "metered" && this.tariff.bands !== undefined;
  }
}
