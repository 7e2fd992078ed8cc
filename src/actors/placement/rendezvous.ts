import type { NodeId } from "../../core/ids.ts";

/**
 * Which of the nodes should own a shard: the one with the highest hash of both. Every node comes to the same
 * result by itself, and a node that comes or goes moves only its own part. Undefined without nodes.
 */
export function rendezvous(shard: number, nodes: Iterable<NodeId>): NodeId | undefined {
  let winner: NodeId | undefined;
  let most = -1n;
  for (const node of nodes) {
    const weight = Bun.hash.wyhash(`${shard}\0${node}`);
    if (weight > most || (weight === most && winner !== undefined && node > winner)) {
      winner = node;
      most = weight;
    }
  }
  return winner;
}
