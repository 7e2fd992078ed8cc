import { within } from "../money/operator.ts";
import { type Case, commonCases } from "./cases.ts";
import { fewest, seenOtherwise } from "./differences.ts";
import { expectedOf } from "./expected.ts";
import type { TargetOptions } from "./options.ts";
import { runAll, TIMEOUTS, type WallReport } from "./run.ts";
import { startFaultVendor } from "./vendor.ts";

/** A client of another gateway waits no longer than this: whatever it is configured to, the wall goes on. */
const PATIENCE_MS = 30_000;

/**
 * The part of the wall that any gateway which speaks OpenAI's API can be put behind. Its operator configures the vendor
 * (`configurationFor` says how); what clients see is held against the same expectations, but for the names of errors.
 */
export async function runTarget(
  { url, key, vendorPort }: TargetOptions,
  cases: readonly Case[] = commonCases(),
): Promise<WallReport> {
  const startedAt = performance.now();
  const vendor = startFaultVendor(vendorPort);
  try {
    const results = await runAll(cases, (one) => lookAt(url, key, one));
    return { results, broken: [], seconds: (performance.now() - startedAt) / 1_000 };
  } finally {
    vendor.stop();
  }
}

async function lookAt(url: string, key: string, one: Case): Promise<readonly string[]> {
  const { fault, mode, dialect } = one;
  const differences: string[] = [];
  for (let round = fault.rounds ?? 1; round > 0; round -= 1) {
    const withTool = fault.answer?.call !== undefined;
    const seen = await within(PATIENCE_MS, dialect.ask({ url, key, mode, model: fault.name, withTool }));
    // Whether the error has the same name, or the same status among those that blame the server, is its own affair.
    const isServers = (status = 0): boolean => status >= 500;
    const alike = expectedOf(one, seen.bytes).map((expected) => ({
      ...expected,
      error: expected.error === undefined ? undefined : seen.error,
      status: isServers(expected.status) && isServers(seen.status) ? (seen.status ?? 0) : expected.status,
    }));
    differences.push(...fewest(alike.map((expected) => seenOtherwise(expected, seen))));
  }
  return differences;
}

/** What its operator has to set up. */
export function configurationFor(vendorPort: number, cases: readonly Case[] = commonCases()): string {
  const models = [...new Set(cases.map(({ fault }) => fault.name))];
  return `A provider of OpenAI's API at http://127.0.0.1:${vendorPort}/v1 with any key and these models, under their own names:
${models.join(", ")}

Time limits: ${Object.entries(TIMEOUTS)
    .map(([clock, limit]) => `${clock} ${limit}`)
    .join(
      ", ",
    )}. No cache, no retries of answers, no other provider behind it, nothing that takes a provider away when it fails.`;
}
