import type { Payer } from "./client.ts";
import type { WallNode, World } from "./world.ts";

/** What an operator does meanwhile, with whichever node answers. */
export interface Operator {
  /** A tenant with so many points, and its key. */
  fund(points: number): Promise<FundedPayer>;
  /** The same reference again is one top-up, so it may be tried anywhere. */
  topUp(payer: Payer, points: number, reference: string): Promise<void>;
  revoke(payer: FundedPayer): Promise<void>;
}

export interface FundedPayer extends Payer {
  readonly keyId: string;
}

const ANSWER_MS = 6_000;
const MOST_TRIES = 80;
const BETWEEN_TRIES_MS = 300;

export function operatorOf({ nodes }: Pick<World, "nodes">): Operator {
  const [first] = nodes;
  if (first === undefined) throw new Error("a wall has nodes");
  return {
    fund: async (points) => {
      const { tenant, key, keyId } = await first.gateway.client(String(points));
      return { tenant, key, keyId };
    },
    topUp: async ({ tenant }, points, reference) => {
      await onAnyNode(nodes, ({ gateway }) =>
        gateway.admin("POST", `/tenants/${tenant}/topups`, { points: String(points), reference }),
      );
    },
    revoke: async ({ keyId }) => {
      await onAnyNode(nodes, async ({ gateway }) => {
        await gateway.admin("DELETE", `/keys/${keyId}`).catch((thrown: unknown) => {
          // Revoked by a try whose answer did not come.
          if (!String(thrown).includes(": 404 ")) throw thrown;
        });
      });
    },
  };
}

/** Tries nodes in turn until one answers; what is asked may happen twice without harm. */
async function onAnyNode<Value>(
  nodes: readonly WallNode[],
  run: (node: WallNode) => Promise<Value>,
): Promise<Value> {
  for (let tries = 0; ; tries += 1) {
    const node = nodes[tries % nodes.length];
    if (node === undefined) throw new Error("a wall has nodes");
    try {
      return await within(ANSWER_MS, run(node));
    } catch (thrown) {
      if (tries >= MOST_TRIES) throw thrown;
      await Bun.sleep(BETWEEN_TRIES_MS);
    }
  }
}

/** Rejects when it takes longer. */
export async function within<Value>(ms: number, running: Promise<Value>): Promise<Value> {
  const { promise: tooLong, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer in ${ms} ms`)), ms);
  try {
    return await Promise.race([running, tooLong]);
  } finally {
    clearTimeout(timer);
  }
}
