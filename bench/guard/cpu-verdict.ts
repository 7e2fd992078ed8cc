/** CPU of a request in the gateway by CPU of the same request in the pass-through, by load. */
export type Ratios = Readonly<Record<string, number>>;

/** How much more than recorded is a regression, not noise. */
export const BOUND = 1.5;

/** One line for each load that has become dearer, or that was not measured or never recorded. Empty: nothing is wrong. */
export function regressions(measured: Ratios, recorded: Ratios): readonly string[] {
  const loads = new Set([...Object.keys(recorded), ...Object.keys(measured)]);
  return [...loads].flatMap((load) => {
    const before = recorded[load];
    const now = measured[load];
    if (now === undefined || !Number.isFinite(now)) return [`${load}: not measured`];
    if (before === undefined) return [`${load}: its CPU is not recorded`];
    if (now <= before * BOUND) return [];
    return [
      `${load}: ${now.toFixed(2)} times a pass-through's CPU; ${before.toFixed(2)} is recorded, ${(before * BOUND).toFixed(2)} the most`,
    ];
  });
}

/**
 * The cheapest of many short rounds: whatever disturbs a round makes it dearer, never cheaper.
 * @param rounds CPU of a request, any unit
 */
export const leastOf = (rounds: readonly number[]): number => Math.min(...rounds);
