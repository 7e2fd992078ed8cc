export interface GrantNeed {
  /** What requests wait for right now; 0 for a refill ahead of need. */
  readonly need: bigint;
  /** What the node would like to have, by what it spends; see `SpendMeter.want`. */
  readonly want: bigint;
}

/**
 * How much of what is available one node is given: what it wants, but no more than its half of an equal part,
 * so that what is left serves the others; yet never less than what it needs right now. Near zero that is
 * exactly the need, or all there is.
 */
export function grantSize(available: bigint, nodes: number, { need, want }: GrantNeed): bigint {
  if (available <= 0n) return 0n;
  const fair = available / BigInt(2 * Math.max(1, nodes));
  const ahead = want < fair ? want : fair;
  const size = need > ahead ? need : ahead;
  return size < available ? size : available;
}
