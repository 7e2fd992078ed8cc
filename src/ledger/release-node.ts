import type { NodeId } from "../core/ids.ts";
import { type Micropoints, micropointsOf } from "../core/points.ts";
import type { Sql } from "./database.ts";
import type { NodeClaim } from "./node-claim.ts";
import { registerNode } from "./nodes.ts";

/** What a node that is away still holds of its tenants' points. */
export interface HeldByNode {
  readonly tenants: number;
  /** Of it, what the node may have spent without its being booked yet is not known until its spool is read. */
  readonly points: Micropoints;
  /** Epoch milliseconds of the last record that the ledger has of it. */
  readonly lastSeen: number;
}

export type Release =
  | { readonly state: "unknown" }
  /** A process runs under this name: its purses are in use. */
  | { readonly state: "running"; readonly held: HeldByNode }
  | { readonly state: "held"; readonly held: HeldByNode }
  | { readonly state: "released"; readonly held: HeldByNode; readonly returned: Micropoints };

export interface ReleasePorts {
  readonly sql: Sql;
  /** Takes the node's name; undefined while a process runs under it. */
  claim(node: NodeId): Promise<NodeClaim | undefined>;
}

/**
 * Gives the points that a lost node holds back to their tenants; without `confirm` it only tells what they are.
 * The risk: what the node spent and could not tell any more is booked as the platform's loss when its disk comes back
 * after all, and never if it does not.
 */
export async function releaseNode(
  { sql, claim }: ReleasePorts,
  node: NodeId,
  confirm: boolean,
): Promise<Release> {
  const held = await heldBy(sql, node);
  if (held === undefined) return { state: "unknown" };
  const claimed = await claim(node);
  if (claimed === undefined) return { state: "running", held };
  try {
    if (!confirm) return { state: "held", held };
    // If it runs after all, cut off from everything, it gets nothing more.
    await registerNode(sql, node);
    const [row] = await sql<{ returned: bigint }[]>`
      select return_purses(${node}, ${`${node}:released`}) as returned`;
    return { state: "released", held, returned: micropointsOf(row?.returned ?? 0n) };
  } finally {
    await claimed.release();
  }
}

async function heldBy(sql: Sql, node: NodeId): Promise<HeldByNode | undefined> {
  const [row] = await sql<{ last_seen: Date; tenants: bigint; points: bigint }[]>`
    select n.last_seen, count(a.id) as tenants, coalesce(sum(a.balance), 0)::bigint as points
    from node n left join account a on a.kind = 'purse' and a.node = n.id and a.balance > 0
    where n.id = ${node} group by n.id`;
  if (row === undefined) return undefined;
  return {
    tenants: Number(row.tenants),
    points: micropointsOf(row.points),
    lastSeen: row.last_seen.getTime(),
  };
}
