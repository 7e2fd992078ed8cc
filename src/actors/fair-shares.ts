/**
 * Splits `whole` so that nobody gets more than it wants while another wants more (max-min fairness); what
 * nobody wants is spread evenly. The shares sum up to `whole` (within rounding).
 */
export function fairShares(whole: number, demands: readonly number[]): number[] {
  const shares = demands.map(() => 0);
  const modestFirst = demands.map((demand, index) => ({ demand, index })).sort((a, b) => a.demand - b.demand);
  let left = whole;
  let waiting = demands.length;
  for (const { demand, index } of modestFirst) {
    const share = Math.min(demand, left / waiting);
    shares[index] = share;
    left -= share;
    waiting -= 1;
  }
  return shares.map((share) => share + left / demands.length);
}

/** Fair shares in whole numbers; what rounding leaves goes to those that lack the most, of equals to the first. */
export function wholeShares(whole: number, demands: readonly number[]): number[] {
  const shares = fairShares(whole, demands).map((share) => Math.floor(share + ALMOST));
  const left = whole - shares.reduce((sum, share) => sum + share, 0);
  const lack = shares.map((share, index) => ({ index, count: (demands[index] ?? 0) - share }));
  lack.sort((a, b) => b.count - a.count);
  for (const { index } of lack.slice(0, Math.floor(left + ALMOST))) shares[index] = (shares[index] ?? 0) + 1;
  return shares;
}

/** Three thirds are a whole. */
const ALMOST = 1e-9;
