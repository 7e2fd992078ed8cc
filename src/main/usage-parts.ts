import type { PurseLeases } from "../actors/leases/leases.ts";
import { shardOf } from "../actors/shard.ts";
import { openNatsMessageLog } from "../bus/nats/message-log.ts";
import { systemClock as clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { UsageCarrier } from "../ledger/usage-carrier.ts";
import { startAppliers } from "../ledger/usage-stream/appliers.ts";
import { UsageShipper } from "../ledger/usage-stream/shipper.ts";
import { stepsOf, type UsageSteps } from "../ledger/usage-stream/steps.ts";
import { USAGE_SUBJECTS } from "../ledger/usage-stream/subjects.ts";
import { UsageWriter } from "../ledger/usage-writer.ts";
import type { ClusterParts } from "./cluster-parts.ts";
import type { LedgerParts } from "./ledger-parts.ts";

/** How this node's usage reaches the ledger, and which other nodes' usage it books. */
export interface UsageParts {
  readonly carrier: UsageCarrier;
  /** What became of batches in the stream; undefined: this node is alone and writes for itself. */
  readonly steps: (() => UsageSteps) | undefined;
  close(): Promise<void>;
}

const STREAM = "SLUICE_USAGE";

/** Alone: straight into Postgres. In a cluster: through the log, from which any node can book what another left there. */
export async function carryUsage(
  ledger: Pick<LedgerParts, "sql" | "spool" | "node" | "recovered">,
  { bus, nats, peers, placement }: ClusterParts,
  purses: PurseLeases,
  log: Log,
): Promise<UsageParts> {
  const { sql, spool, node, recovered } = ledger;
  const carried = { sql, spool, node, clock, log, from: recovered.position };
  const onBooked = purses.booked.bind(purses);
  if (nats === undefined) {
    const writer = new UsageWriter({ ...carried, onBooked });
    return { carrier: writer, steps: undefined, close: () => writer.stop() };
  }
  const messages = await openNatsMessageLog({
    link: nats.link,
    stream: STREAM,
    subjects: USAGE_SUBJECTS,
    replicas: nats.replicas,
    clock,
    onError: (thrown) => log.warn("the usage stream began anew", { cause: String(thrown) }),
  });
  const shipper = new UsageShipper({ ...carried, messages, bus, onBooked });
  const appliers = startAppliers({
    sql,
    messages,
    bus,
    clock,
    log,
    owns: (name) => placement.owns(shardOf("usage", name)),
    nodes: () => peers.live(),
  });
  return {
    carrier: shipper,
    steps: () => stepsOf(shipper.counts, appliers.counts),
    async close() {
      await shipper.stop();
      await appliers.stop();
    },
  };
}
