import type { NodeRow } from "../../ledger/nodes.ts";
import { type AdminOperation, type AdminRoute, route } from "./operation.ts";

/** What a running node says of itself. */
export interface NodeStatus {
  readonly id: string;
  readonly region: string;
  readonly state: "starting" | "ready" | "draining";
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly runningRequests: number;
  readonly openWebSockets: number;
  readonly spool: { readonly bytes: number; readonly openIntents: number; readonly segments: number };
}

export interface NodePorts {
  /** Every node that the ledger has met. */
  nodes(): Promise<readonly NodeRow[]>;
  /** Those that run and can be reached, the one that answers among them. */
  liveNodes(): Promise<readonly NodeStatus[]>;
}

const list: AdminOperation = {
  method: "get",
  path: "/nodes",
  permission: "nodes:read",
  summary: "The nodes of this cluster",
  answers: { 200: "The nodes; those that run tell more of themselves." },
};
export const NODE_OPERATIONS: readonly AdminOperation[] = [list];

export function nodeRoutes(ports: NodePorts): readonly AdminRoute[] {
  return [
    route(list, async () => {
      const [rows, live] = await Promise.all([ports.nodes(), ports.liveNodes()]);
      const statuses = new Map(live.map((status) => [status.id, status]));
      return {
        object: "list",
        data: rows.map(({ id, firstSeen, lastSeen }) => ({
          id,
          first_seen: new Date(firstSeen).toISOString(),
          last_seen: new Date(lastSeen).toISOString(),
          ...statusOf(statuses.get(id)),
        })),
      };
    }),
  ];
}

function statusOf(status: NodeStatus | undefined) {
  if (status === undefined) return { state: "away" };
  return {
    state: status.state,
    region: status.region,
    started_at: new Date(status.startedAt).toISOString(),
    running_requests: status.runningRequests,
    open_websockets: status.openWebSockets,
    spool: {
      bytes: status.spool.bytes,
      open_intents: status.spool.openIntents,
      segments: status.spool.segments,
    },
  };
}
