import { z } from "zod";
import { SluiceError } from "../../core/errors.ts";
import { type NodeId, nodeId } from "../../core/ids.ts";
import { formatPoints } from "../../core/points.ts";
import type { NodeRow } from "../../ledger/nodes.ts";
import type { Release } from "../../ledger/release-node.ts";
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
  /** Shards of actors that this node owns, of 128 in the cluster. */
  readonly shards: number;
  readonly spool: { readonly bytes: number; readonly openIntents: number; readonly segments: number };
}

export interface NodePorts {
  /** Every node that the ledger has met. */
  nodes(): Promise<readonly NodeRow[]>;
  /** Those that run and can be reached, the one that answers among them. */
  liveNodes(): Promise<readonly NodeStatus[]>;
  /** Gives the points of a lost node back to their tenants; without `confirm` it only tells what they are. */
  releaseNode(node: NodeId, confirm: boolean): Promise<Release>;
}

const list: AdminOperation = {
  method: "get",
  path: "/nodes",
  permission: "nodes:read",
  summary: "The nodes of this cluster",
  answers: { 200: "The nodes; those that run tell more of themselves." },
};
const confirmation = z.strictObject({
  confirm: z.boolean().optional().describe("Absent or false: nothing is moved, only shown."),
});
const release: AdminOperation<z.infer<typeof confirmation>> = {
  method: "post",
  path: "/nodes/{id}/release",
  permission: "nodes:write",
  summary: "Give the points that a lost node holds back to their tenants",
  body: confirmation,
  isBodyOptional: true,
  answers: {
    200: "What it holds, what is risked, and whether it was given back.",
    404: "There is no such node.",
    409: "The node runs.",
  },
};
export const NODE_OPERATIONS: readonly AdminOperation[] = [list, release];

const RISK =
  "What the node spent before it was lost and could not tell the ledger becomes the platform's loss: booked when the node starts again on its disk, unknown if that disk is gone. Starting the node on its disk gives everything back without a loss.";

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
    route(release, async ({ param, body }) => {
      const id = param();
      const released = await ports.releaseNode(nodeId(id), body.confirm === true);
      if (released.state === "unknown") throw new SluiceError("not_found", `There is no node '${id}'.`);
      if (released.state === "running") {
        throw new SluiceError("conflict", `The node '${id}' runs: stop it, and it gives its points back.`);
      }
      const { tenants, points, lastSeen } = released.held;
      return {
        id,
        object: "node_release",
        released: released.state === "released",
        tenants,
        points: formatPoints(points),
        last_seen: new Date(lastSeen).toISOString(),
        risk: RISK,
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
    shards: status.shards,
    spool: {
      bytes: status.spool.bytes,
      open_intents: status.spool.openIntents,
      segments: status.spool.segments,
    },
  };
}
