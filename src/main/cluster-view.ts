import type { ActorSnapshot } from "../actors/host.ts";
import type { PeerAnswer } from "../actors/peers.ts";
import type { TenantId } from "../core/ids.ts";
import { add, type Micropoints, ZERO } from "../core/points.ts";
import type { NodeStatus } from "../http/admin/nodes.ts";
import { checkNode, type NodeChecks } from "../ledger/reconcile.ts";
import type { OperationParts } from "./operations.ts";
import { booksOf, FLUSH_MS, nodeStatus } from "./own-view.ts";

/** What all nodes together know: every question goes to the live nodes, and is answered here for itself. */
export interface ClusterView {
  /** Resolves when the ledger has every request that had ended at the call, on whichever node that can be reached. */
  flush(): Promise<void>;
  /** Held by a tenant's running requests. */
  reserved(tenant: TenantId): Promise<Micropoints>;
  nodes(): Promise<readonly NodeStatus[]>;
  /** The busiest first, at most `most`. */
  actors(most: number): Promise<ActorSnapshot>;
  /** What the other nodes found in their own books. */
  checks(): Promise<readonly NodeChecks[]>;
}

/** A node that does not answer in this time is left out; its own check says so. */
const PEER_MS = 2_000;
/** Reconciliation waits for spools. */
const BOOKS_MS = 20_000;

export function createClusterView(parts: OperationParts): ClusterView {
  const { cluster, ledger, leases, usage } = parts;
  const { peers } = cluster;
  const reservedHere = (tenant: TenantId): Micropoints => leases.purses.purses().get(tenant)?.held ?? ZERO;
  const flushHere = (): Promise<void> => usage.carrier.flush(FLUSH_MS);

  peers.answer("flush", flushHere);
  peers.answer("reserved", async (tenant) => reservedHere(tenant as TenantId));
  peers.answer("status", async () => nodeStatus(parts));
  peers.answer("actors", async (most) => leases.host.snapshot(Number(most)));
  peers.answer("books", () => checkNode(ledger.sql, booksOf(parts)));

  const flushOthers = afterCall(() => peers.askOthers("flush", null, PEER_MS));
  return {
    async flush() {
      await Promise.all([flushHere(), flushOthers()]);
    },
    async reserved(tenant) {
      const others = answered<Micropoints>(await peers.askOthers("reserved", tenant, PEER_MS));
      return others.reduce(add, reservedHere(tenant));
    },
    async nodes() {
      return [nodeStatus(parts), ...answered<NodeStatus>(await peers.askOthers("status", null, PEER_MS))];
    },
    async actors(most) {
      const others = answered<ActorSnapshot>(await peers.askOthers("actors", most, PEER_MS));
      const all = [leases.host.snapshot(most), ...others];
      const actors = all.flatMap((snapshot) => snapshot.actors);
      actors.sort((a, b) => b.mailbox - a.mailbox || b.restarts - a.restarts || (a.key < b.key ? -1 : 1));
      return { total: all.reduce((sum, { total }) => sum + total, 0), actors: actors.slice(0, most) };
    },
    async checks() {
      const answers = await peers.askOthers("books", null, BOOKS_MS);
      return answers.map((answer) => (answer.ok ? (answer.answer as NodeChecks) : silent(answer)));
    },
  };
}

/** Nodes of one version answer each other's questions in one shape. */
const answered = <Answer>(answers: readonly PeerAnswer[]): readonly Answer[] =>
  answers.flatMap((answer) => (answer.ok ? [answer.answer as Answer] : []));

function silent({ node, cause }: PeerAnswer & { readonly ok: false }): NodeChecks {
  const detail = `it does not answer (${String(cause)})`;
  return { node, checks: [{ name: "spool_applied", ok: false, detail }] };
}

/** Runs once for all who ask while nothing has begun; who asks while it runs gets the next run. */
function afterCall(run: () => Promise<unknown>): () => Promise<unknown> {
  let running: Promise<unknown> | undefined;
  let next: Promise<unknown> | undefined;
  const begin = (): Promise<unknown> => {
    next = undefined;
    running = run().finally(() => {
      running = undefined;
    });
    return running;
  };
  return () => {
    if (running === undefined) return begin();
    next ??= running.then(begin, begin);
    return next;
  };
}
