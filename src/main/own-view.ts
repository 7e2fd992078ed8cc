import type { NodeStatus } from "../http/admin/nodes.ts";
import type { NodeBooks } from "../ledger/reconcile.ts";
import type { OperationParts } from "./operations.ts";

/** How long a question about money waits for the ledger to have everything. */
export const FLUSH_MS = 5_000;

/** What this node knows of itself. */
export function nodeStatus({
  cluster,
  ledger,
  requests,
  region,
  startedAt,
  isDraining,
  openWebSockets,
}: OperationParts): NodeStatus {
  const { depth } = ledger.spool;
  return {
    id: ledger.node,
    region,
    state: isDraining() ? "draining" : "ready",
    startedAt,
    runningRequests: requests.openCharges.count,
    openWebSockets: openWebSockets(),
    shards: cluster.ownedShards(),
    spool: { bytes: depth.bytes, openIntents: depth.openIntents, segments: depth.segments },
  };
}

/** What this node believes, to be held against the ledger. */
export function booksOf({ ledger, leases, requests, usage }: OperationParts): NodeBooks {
  const { openCharges } = requests;
  return {
    node: ledger.node,
    flush: () => usage.carrier.flush(FLUSH_MS),
    purses: () => leases.purses.purses(),
    oldestHoldMs: () => openCharges.oldestMs,
    openIntents: () => ({ spooled: ledger.spool.depth.openIntents, running: openCharges.count }),
  };
}
