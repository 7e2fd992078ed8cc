import type { ClientRecord } from "./books.ts";
import { priceOf, TOKEN_PRICE } from "./books.ts";
import { progressOf, startLoad } from "./load.ts";
import type { TargetOptions } from "./options.ts";
import { points } from "./report.ts";
import { PROMPT_TOKENS, startVendor, type VendorAccount } from "./vendor.ts";

const CLIENTS = 64;
const TOLD_MS = 5_000;

export interface TargetReport {
  readonly isRight: boolean;
  readonly text: string;
}

/**
 * The part of the wall that any gateway which speaks OpenAI's API can be put behind: clients spend one balance at once,
 * the vendor counts what was consumed. The gateway's operator configures it (see bench/README.md) and compares what it
 * charged with the figures; whether every answer is what the vendor handed over is checked here.
 */
export async function runTarget(
  { url, key, model, vendorPort }: TargetOptions,
  seconds: number,
  say: (line: string) => void,
): Promise<TargetReport> {
  const vendor = startVendor(vendorPort);
  say(`the vendor listens on ${vendor.url}/v1; ${CLIENTS} clients spend from ${url}`);
  const startedAt = performance.now();
  const load = startLoad({
    seed: 1,
    clients: CLIENTS,
    big: { tenant: "wall", key },
    small: [],
    model,
    urls: [url],
    withIdempotency: false,
  });
  const told = setInterval(() => say(progressOf(load.records, performance.now() - startedAt)), TOLD_MS);
  await Bun.sleep(seconds * 1_000);
  clearInterval(told);
  await load.stop();
  const report = targetReport(load.records, vendor.account());
  await vendor.stop();
  return report;
}

/** What the balance must have lost, by the vendor's count; and answers that are not what the vendor handed over. */
export function targetReport(records: readonly ClientRecord[], { prompts }: VendorAccount): TargetReport {
  const count = (seen: ClientRecord["seen"]): number => records.filter((one) => one.seen === seen).length;
  const served = records.filter((one) => one.seen === "served");
  const wrong = served.filter(({ prompt, output }) => output > (prompts[prompt]?.most ?? 0));
  const calls = Object.values(prompts);
  const total = (of: (call: (typeof calls)[number]) => number): number =>
    calls.reduce((sum, call) => sum + of(call), 0);
  const consumed =
    BigInt(total((call) => call.calls) * PROMPT_TOKENS + total((call) => call.all)) * TOKEN_PRICE;
  const expected = served.reduce((sum, { output }) => sum + priceOf(output), 0n);
  const text = `| requests | 2xx whole | refused | cut | no answer | calls | output tokens | whole answers cost | the vendor handed over | wrong answers |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| ${[
    records.length,
    served.length,
    count("refused"),
    count("cut"),
    count("lost"),
    total((call) => call.calls),
    total((call) => call.all),
    points(expected),
    points(consumed),
    wrong.length,
  ].join(" | ")} |

At ${points(TOKEN_PRICE)} points a token, the balance must be lower by at least what whole answers cost, and by no more than what the vendor handed over.
`;
  return { isRight: wrong.length === 0, text };
}
