import type { NodeRow } from "../../ledger/nodes.ts";
import { type AdminOperation, type AdminRoute, route } from "./operation.ts";

/** What the node that answers knows of itself. */
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
  thisNode(): NodeStatus;
}

const list: AdminOperation = {
  method: "get",
  path: "/nodes",
  permission: "nodes:read",
  summary: "The nodes of this cluster",
  answers: { 200: "The nodes; the one that answers tells more of itself." },
};
export const NODE_OPERATIONS: readonly AdminOperation[] = [list];

export function nodeRoutes(ports: NodePorts): readonly AdminRoute[] {
  return [
    route(list, async () => {
      const self = ports.thisNode();
      const rows = await ports.nodes();
      return {
        object: "list",
        data: rows.map(({ id, firstSeen, lastSeen }) => ({
          id,
          first_seen: new Date(firstSeen).toISOString(),
          last_seen: new Date(lastSeen).toISOString(),
          ...(id === self.id ? statusOf(self) : {}),
        })),
      };
    }),
  ];
}

const statusOf = (self: NodeStatus) => ({
  region: self.region,
  state: self.state,
  started_at: new Date(self.startedAt).toISOString(),
  running_requests: self.runningRequests,
  open_websockets: self.openWebSockets,
  spool: {
    bytes: self.spool.bytes,
    open_intents: self.spool.openIntents,
    segments: self.spool.segments,
  },
});
