import type { Bus } from "../../../bus/bus.ts";
import type { MessageLog } from "../../../bus/message-log.ts";
import { createNatsBus } from "../../../bus/nats/bus.ts";
import { connectNats, type NatsLink } from "../../../bus/nats/connect.ts";
import { openNatsMessageLog } from "../../../bus/nats/message-log.ts";
import { systemClock as clock } from "../../../core/clock.ts";
import { silentLog as log } from "../../../core/log.ts";
import { type Micropoints, micropointsOf } from "../../../core/points.ts";
import type { Sql } from "../../database.ts";
import { type Reconciliation, reconcile } from "../../reconcile.ts";
import type { UsageRecord } from "../../records.ts";
import type { Spool } from "../../spool/spool.ts";
import { node, usageOf } from "../../testing/records.ts";
import { type SmallLedger, type StartOptions, tenant, µ } from "../../testing/small-ledger.ts";
import { type Appliers, startAppliers } from "../appliers.ts";
import { UsageShipper, type UsageShipperOptions } from "../shipper.ts";
import { USAGE_SUBJECTS } from "../subjects.ts";

/** What a process of the cluster talks through. */
export interface Wires {
  readonly messages: MessageLog;
  readonly bus: Bus;
  close(): Promise<void>;
}

export interface NatsWires extends Wires {
  readonly link: NatsLink;
}

export const STREAM = "SLUICE_USAGE";

export async function natsWires(urls: readonly string[], name: string, replicas = 1): Promise<NatsWires> {
  const link = await connectNats({ urls, name, log });
  const onError = (): void => {};
  const messages = await openNatsMessageLog({
    link,
    stream: STREAM,
    subjects: USAGE_SUBJECTS,
    replicas,
    clock,
    onError,
  });
  return { link, messages, bus: createNatsBus({ link }), close: () => link.close() };
}

/** A node whose usage goes through the log. */
export interface StreamingNode {
  readonly spool: Spool;
  readonly shipper: UsageShipper;
  /** Told by the shipper, one after the other. */
  readonly booked: readonly Micropoints[];
  /** Writes so many records of one micropoint each and wakes the shipper. */
  use(count: number, changes?: Partial<UsageRecord>): Promise<void>;
  /** Holds the ledger against itself and against what this node charged. */
  reconcile(): Promise<Reconciliation>;
}

let used = 0;

export async function streamingNode(
  ledger: SmallLedger,
  wires: Wires,
  granted: number,
  options: StartOptions & Partial<UsageShipperOptions> = {},
): Promise<StreamingNode> {
  const { spool, from } = await ledger.start(options);
  const { messages, bus } = wires;
  const booked: Micropoints[] = [];
  let charged = 0n;
  const onBooked = (_: string, amount: Micropoints): void => void booked.push(amount);
  const shipper = new UsageShipper({
    sql: ledger.sql,
    spool,
    node,
    messages,
    bus,
    clock,
    log,
    from,
    onBooked,
    ...(options.sql === undefined ? {} : { sql: options.sql }),
  });
  return {
    spool,
    shipper,
    booked,
    async use(count, changes = {}) {
      const records = Array.from({ length: count }, () => {
        used += 1;
        return usageOf(`u${used}`, { charged: µ(1), ...changes });
      });
      await Promise.all(records.map((record) => spool.usage(record)));
      for (const record of records) charged += record.charged;
      shipper.wake();
    },
    reconcile: () =>
      reconcile(ledger.sql, {
        node,
        flush: () => shipper.flush(30_000),
        purses: () => {
          const unsettled = charged - booked.reduce((sum, amount) => sum + amount, 0n);
          const available = micropointsOf(BigInt(granted) - charged);
          return new Map([[tenant, { available, held: µ(0), unsettled: micropointsOf(unsettled) }]]);
        },
        oldestHoldMs: () => 0,
        openIntents: () => ({ spooled: spool.depth.openIntents, running: spool.depth.openIntents }),
      }),
  };
}

/** Appliers that own every node. */
export const appliersOf = (sql: Sql, { messages, bus }: Wires): Appliers =>
  startAppliers({ sql, messages, bus, clock, log, owns: () => true, nodes: () => [node] });
