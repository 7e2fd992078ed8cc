/** What a run of `bun test` came to, out of its JUnit report. */
export interface Counts {
  readonly tests: number;
  readonly failures: number;
  readonly skipped: number;
}

/** The sums on the root element; undefined when the text is no report. */
export function countsOf(xml: string): Counts | undefined {
  const root = /<testsuites\b[^>]*>/.exec(xml)?.[0];
  if (root === undefined) return undefined;
  const numberOf = (name: string): number => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(root)?.[1]);
  const counts = { tests: numberOf("tests"), failures: numberOf("failures"), skipped: numberOf("skipped") };
  return Object.values(counts).every(Number.isSafeInteger) ? counts : undefined;
}

export interface Verdict {
  readonly passed: number;
  readonly failed: number;
  /** Why the run counts as failed although no test did. */
  readonly note?: string;
}

/**
 * A test that was skipped has failed (nothing is skipped silently), unless names were filtered on purpose; a run
 * that broke outside its tests, or ran none, has failed too.
 */
export function verdictOf(counts: Counts | undefined, exitCode: number, isFiltered: boolean): Verdict {
  const { tests, failures, skipped } = counts ?? { tests: 0, failures: 0, skipped: 0 };
  const passed = tests - failures - skipped;
  const failed = failures + (isFiltered ? 0 : skipped);
  if (failures > 0) return { passed, failed };
  if (failed > 0) return { passed, failed, note: `${skipped} skipped` };
  if (passed === 0) return { passed, failed: 1, note: "no test ran" };
  if (exitCode !== 0) return { passed, failed: 1, note: "an error outside of the tests" };
  return { passed, failed };
}
