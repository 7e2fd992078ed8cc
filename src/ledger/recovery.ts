import type { Clock } from "../core/clock.ts";
import type { NodeId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import { type Micropoints, micropointsOf, ZERO } from "../core/points.ts";
import { NO_USAGE } from "../core/usage.ts";
import type { Sql } from "./database.ts";
import type { UsageRecord } from "./records.ts";
import type { OpenIntent } from "./spool/replay.ts";
import type { Spool } from "./spool/spool.ts";
import { UsageWriter } from "./usage-writer.ts";
import type { Watermark } from "./watermark.ts";

export interface RecoveryOptions {
  readonly sql: Sql;
  readonly spool: Spool;
  /** Requests without USAGE, as the spool told when it was opened. */
  readonly open: readonly OpenIntent[];
  readonly from: Watermark;
  readonly node: NodeId;
  readonly region: string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Recovered {
  /** How far the ledger is now: everything that was in the spool. */
  readonly position: Watermark;
  readonly inDoubt: number;
  /** What the node had been granted and not spent. */
  readonly returned: Micropoints;
}

/** How long a start waits while the ledger takes nothing of what a crash left. */
const STALL_MS = 60_000;

/**
 * Brings the ledger up to what this node did before it stopped, however it stopped: every USAGE is applied,
 * every INTENT without one is charged for its last note and flagged, and what the node still had of its
 * tenants' points goes back to them.
 */
export async function recover(options: RecoveryOptions): Promise<Recovered> {
  const { sql, spool, open, node, clock, log } = options;
  await Promise.all(open.map((entry) => spool.usage(inDoubtRecord(entry, options))));
  const writer = new UsageWriter({ sql, spool, node, clock, log, from: options.from });
  await replay(writer);
  await writer.stop();
  const name = `${node}:${writer.position.sequence}`;
  const [row] = await sql<{ returned: bigint }[]>`select return_purses(${node}, ${name}) as returned`;
  return { position: writer.watermark, inDoubt: open.length, returned: micropointsOf(row?.returned ?? 0n) };
}

/** However much there is: only a ledger that takes nothing at all ends the start. */
async function replay(writer: UsageWriter): Promise<void> {
  for (;;) {
    const before = writer.position.sequence;
    try {
      await writer.flush(STALL_MS);
      return;
    } catch (thrown) {
      if (writer.position.sequence === before) throw thrown;
    }
  }
}

function inDoubtRecord({ intent, progress }: OpenIntent, { node, region }: RecoveryOptions): UsageRecord {
  const { id, tenant, key, tier, operation, model, at } = intent;
  return {
    kind: "usage",
    id,
    tenant,
    key,
    tier,
    node,
    region,
    operation,
    stream: null,
    model,
    vendor: progress?.vendor ?? null,
    vendorModel: progress?.vendorModel ?? null,
    at,
    durationMs: 0,
    firstTokenMs: null,
    outcome: "truncated",
    finishReason: null,
    errorCode: "stream_truncated",
    usage: progress?.usage ?? NO_USAGE,
    price: progress?.price ?? null,
    charged: progress?.cost ?? ZERO,
    loss: ZERO,
    attempts: [],
    flags: ["in_doubt"],
  };
}
