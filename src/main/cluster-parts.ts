import { createPeers, type Peers } from "../actors/peers.ts";
import { createMembership, type Membership } from "../actors/placement/membership.ts";
import { createShardLeases } from "../actors/placement/shard-leases.ts";
import type { Placement } from "../actors/placement.ts";
import { shardsOwned } from "../actors/shard.ts";
import { createSingleNodePlacement } from "../actors/single-node-placement.ts";
import type { Bus } from "../bus/bus.ts";
import { createInProcessBus } from "../bus/in-process.ts";
import { type NatsCluster, openNatsCluster } from "../bus/nats/open-cluster.ts";
import type { Config } from "../config/config.ts";
import { systemClock as clock } from "../core/clock.ts";
import type { NodeId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import { systemRandom as random } from "../core/random.ts";

/** What joins this node with others; a node alone has the same parts, with nobody on the other side. */
export interface ClusterParts {
  readonly bus: Bus;
  readonly placement: Placement;
  readonly peers: Peers;
  /** Undefined: this node is alone. */
  readonly nats: NatsCluster | undefined;
  /** False while this node cannot hear the others. */
  isConnected(): boolean;
  ownedShards(): number;
  close(): Promise<void>;
}

export async function joinCluster(config: Config, node: NodeId, log: Log): Promise<ClusterParts> {
  const urls = config.natsUrls;
  const isOwn = config.worker?.isAlone === true;
  const nats =
    urls.length === 0 ? undefined : await openNatsCluster({ urls, isOwn, node, clock, random, log });
  const bus = nats?.bus ?? aloneBus(log);
  const membership = createMembership({ node, bus, clock });
  const peers = createPeers({ node, bus, membership });
  const placement = placementOf(node, nats, membership, log);
  return {
    bus,
    placement,
    peers,
    nats,
    ownedShards: () => shardsOwned((shard) => placement.owns(shard)),
    isConnected: () => nats?.link.isUp() ?? true,
    async close() {
      peers.close();
      membership.close();
      await (nats ?? bus).close();
    },
  };
}

function placementOf(
  node: NodeId,
  nats: NatsCluster | undefined,
  membership: Membership,
  log: Log,
): Placement {
  if (nats === undefined) return createSingleNodePlacement(node);
  return createShardLeases({ node, store: nats.shards, membership, clock, random, log });
}

const aloneBus = (log: Log): Bus =>
  createInProcessBus({
    clock,
    onError: (thrown) => log.error("a bus subscriber failed", { cause: String(thrown) }),
  });
