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

/** Fair shares in whole numbers; what rounding leaves goes to the first. */
export function wholeShares(whole: number, demands: readonly number[]): number[] {
  const shares = fairShares(whole, demands).map((share) => Math.floor(share + ALMOST));
  let left = whole - shares.reduce((sum, share) => sum + share, 0);
  for (let index = 0; left >= 1 && index < shares.length; index += 1, left -= 1) {
    shares[index] = (shares[index] ?? 0) + 1;
  }
  return shares;
}

/** Three thirds are a whole. */
const ALMOST = 1e-9;
