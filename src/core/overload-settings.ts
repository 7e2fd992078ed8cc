/** When a node has more to do than it can. */
export interface OverloadSettings {
  /** Timers this late, in milliseconds, mean that requests wait for each other. */
  readonly lagMs: number;
  /** Requests in flight, however well the node feels. */
  readonly maxInFlight: number;
  /** Requests in flight that are let in however badly it feels: so few are not what makes a node slow. */
  readonly minInFlight: number;
  /** What the process may have; absent: its container's limit, else the machine's memory. */
  readonly memoryBytes?: number;
}

export const DEFAULT_OVERLOAD: OverloadSettings = {
  // A reader sees a token that comes a fifth of a second late.
  lagMs: 200,
  // At 32 KiB for a running stream, 1 GiB.
  maxInFlight: 30_000,
  minInFlight: 200,
};
