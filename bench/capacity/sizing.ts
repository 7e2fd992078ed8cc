/** What was measured, from which everything else is computed. CPU in seconds for 1,000 requests. */
export interface Costs {
  /** Of the gateway's processes, when there is one and when there are two. */
  readonly gatewayAlone: number;
  readonly gatewayOfTwo: number;
  readonly postgres: number;
  readonly nats: number;
}

export interface SocketCosts {
  /** KiB of an idle WebSocket in the gateway's process, and at the kernel's one end of it. */
  readonly process: number;
  readonly kernel: number;
}

/** Cores are not planned to be busier than this, so that a burst, or the loss of a machine, finds room. */
export const USED = 0.6;

/** What a request costs more for each process beside the first. 0: perfectly linear; never counted below that. */
export const growthOf = ({ gatewayAlone, gatewayOfTwo }: Costs): number =>
  Math.max(0, gatewayOfTwo / gatewayAlone - 1);

export interface Cores {
  readonly gateway: number;
  readonly postgres: number;
  readonly nats: number;
}

/**
 * Cores for so many requests a second. The gateway's share grows once, as measured from one process to two: what
 * processes do for each other (leases, the usage stream) goes by the second and by the batch, not by their number.
 */
export function coresFor(perSecond: number, costs: Costs): Cores {
  const one = (perThousand: number): number => (perSecond * perThousand) / 1_000 / USED;
  return {
    gateway: one(costs.gatewayAlone * (1 + growthOf(costs))),
    postgres: one(costs.postgres),
    nats: one(costs.nats),
  };
}

/** GiB for so many idle sockets. */
export const memoryFor = (sockets: number, { process, kernel }: SocketCosts): number =>
  (sockets * (process + kernel)) / 2 ** 20;
