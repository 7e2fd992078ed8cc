import type { ActorSnapshot } from "../../actors/host.ts";
import { limitOf } from "./fields.ts";
import { type AdminOperation, type AdminRoute, route } from "./operation.ts";

export interface ActorPorts {
  /** The actors of all nodes, the busiest first. */
  actors(most: number): Promise<ActorSnapshot>;
}

const list: AdminOperation = {
  method: "get",
  path: "/actors",
  permission: "actors:read",
  summary: "The actors of the cluster, the busiest first",
  parameters: { limit: "At most this many; absent: 100." },
  answers: { 200: "Kind, key, shard, owner, status and mailbox of each." },
};
export const ACTOR_OPERATIONS: readonly AdminOperation[] = [list];

export function actorRoutes(ports: ActorPorts): readonly AdminRoute[] {
  return [
    route(list, async ({ query }) => {
      const { total, actors } = await ports.actors(limitOf(query));
      return {
        object: "list",
        total,
        data: actors.map(({ lastError, ...actor }) => ({ ...actor, last_error: lastError ?? null })),
      };
    }),
  ];
}
