import { type ActorHost, createActorHost } from "../src/actors/host.ts";
import type { PurseHold, PurseLeases } from "../src/actors/leases/leases.ts";
import { createPurseDesk } from "../src/actors/leases/purse-desk.ts";
import { createPurseLeases } from "../src/actors/leases/purse-leases.ts";
import { createMembership } from "../src/actors/placement/membership.ts";
import { createShardLeases } from "../src/actors/placement/shard-leases.ts";
import type { Placement } from "../src/actors/placement.ts";
import { shardOf } from "../src/actors/shard.ts";
import { tenantActor } from "../src/actors/tenant.ts";
import type { InProcessMessageLog } from "../src/bus/in-process-message-log.ts";
import type { KeyValue } from "../src/bus/key-value.ts";
import { sleep } from "../src/core/clock.ts";
import { type NodeId, requestId, tenantId } from "../src/core/ids.ts";
import { silentLog } from "../src/core/log.ts";
import { micropointsOf } from "../src/core/points.ts";
import { registerNode } from "../src/ledger/nodes.ts";
import { recover } from "../src/ledger/recovery.ts";
import { Spool } from "../src/ledger/spool/spool.ts";
import { intentOf, usageOf } from "../src/ledger/testing/records.ts";
import { startAppliers } from "../src/ledger/usage-stream/appliers.ts";
import { UsageShipper } from "../src/ledger/usage-stream/shipper.ts";
import type { Bugs } from "./bugs.ts";
import type { Chance } from "./chance.ts";
import type { Disk } from "./disk.ts";
import type { Ledger } from "./ledger.ts";
import type { Network } from "./network.ts";
import type { Process } from "./process.ts";
import { logOf, storeOf } from "./stores.ts";

/** What all nodes of one simulated cluster share. */
export interface Surroundings {
  readonly chance: Chance;
  readonly network: Network;
  readonly ledger: Ledger;
  readonly store: KeyValue;
  readonly messages: InProcessMessageLog;
  readonly bugs: Bugs;
  /** Told when a client has its whole answer. */
  acknowledged(id: string, charged: bigint): void;
}

/** A gateway node: everything that grants, spends, books and owns is the production code. */
export interface SimulatedNode {
  readonly placement: Placement;
  readonly host: ActorHost;
  readonly purses: PurseLeases;
  readonly shipper: UsageShipper;
  /** One client's request, from the hold to the answer. Rejects when it is refused. */
  request(id: string, tenant: string, amount: bigint, cost: bigint, ms: number): Promise<void>;
}

export const SHARD_AGE_MS = 10_000;

/** @throws what the ledger or the disk said: as a process that ends, to be started again */
export async function startNode(
  around: Surroundings,
  node: NodeId,
  process: Process,
  disk: Disk,
): Promise<SimulatedNode> {
  const { chance, network, ledger, bugs } = around;
  const { clock } = process;
  const { random } = chance;
  const log = silentLog;
  const sql = ledger.sqlOf(node, process);
  const from = await registerNode(sql, node);
  const { spool, open } = Spool.open({
    directory: "/spool",
    files: disk.filesOf(process),
    clock,
    log,
    floor: from,
    capBytes: 1e9,
    segmentBytes: 4_000,
  });
  const region = "local";
  const { position } = await recover({ sql, spool, open, from, node, region, clock, log });

  const bus = network.busOf(node, process);
  const membership = createMembership({ node, bus, clock });
  const store = storeOf(network, around.store, node, process, bugs.believedAgeMs ?? SHARD_AGE_MS);
  const placement = createShardLeases({ node, store, membership, clock, random, log });
  const accounts = ledger.accountsOf(node, process);
  const host = createActorHost({ bus, clock, random, log, node, placement, actors: [tenantActor(accounts)] });
  await host.start();
  const { epoch } = position;
  const ports = { node, epoch, clock, random, log, bus, ask: host.ask };
  const nodes = (): number => membership.expected();
  const desk = createPurseDesk({ ask: host.ask, bus, clock, ledger: accounts, nodes });
  const purses = createPurseLeases(ports, desk);
  const messages = bugs.log(logOf(network, around.messages, node, process), spool);
  const onBooked = purses.booked.bind(purses);
  const shipper = new UsageShipper({ sql, spool, node, messages, bus, clock, log, from: position, onBooked });
  startAppliers({
    sql,
    messages,
    bus,
    clock,
    log,
    owns: (name) => placement.owns(shardOf("usage", name)),
    nodes: () => membership.live(),
  });

  const settle = async (id: string, tenant: string, hold: PurseHold, cost: bigint): Promise<void> => {
    const { charged, loss } = hold.settle(micropointsOf(cost));
    try {
      await spool.usage(usageOf(id, { tenant: tenantId(tenant), node, charged, loss }));
    } catch (thrown) {
      hold.refund(charged);
      throw thrown;
    }
    shipper.wake();
    if (!process.isDead) around.acknowledged(id, charged);
  };
  return {
    placement,
    host,
    purses,
    shipper,
    async request(id, tenant, amount, cost, ms) {
      const hold = await purses.hold(tenantId(tenant), micropointsOf(amount));
      try {
        await spool.intent(intentOf(id, { id: requestId(id), tenant: tenantId(tenant) }));
      } catch (thrown) {
        hold.release();
        throw thrown;
      }
      await sleep(clock, ms);
      await settle(id, tenant, hold, cost);
    },
  };
}
