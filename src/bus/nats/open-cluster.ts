import type { Clock } from "../../core/clock.ts";
import { type NodeId, randomText } from "../../core/ids.ts";
import type { Log } from "../../core/log.ts";
import type { Random } from "../../core/random.ts";
import type { Bus } from "../bus.ts";
import type { KeyValue } from "../key-value.ts";
import { createNatsBus } from "./bus.ts";
import { connectNats, type NatsLink } from "./connect.ts";
import { openNatsKeyValue } from "./key-value.ts";
import { survey } from "./survey.ts";
import { judge } from "./trust.ts";

/** What NATS gives a node: messages, and a store in which ownership is written. */
export interface NatsCluster {
  readonly link: NatsLink;
  readonly bus: Bus;
  readonly shards: KeyValue;
  /** Copies that streams and stores are kept in. */
  readonly replicas: number;
  close(): Promise<void>;
}

export interface NatsClusterOptions {
  readonly urls: readonly string[];
  /** It is a server for the workers of this machine, which nobody else's life depends on: nothing to warn of. */
  readonly isOwn?: boolean;
  readonly node: NodeId;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const SHARDS_BUCKET = "sluice_shards";

/** Longer than the election of a new stream leader takes (3 to 10 s), so that ownership lives through one. */
const SHARD_AGE_MS = 10_000;

/**
 * Connects, looks whether the servers can be trusted, and opens what the cluster stands on.
 * @throws Error when no server answers, or when what owns things would not be exclusive there
 */
export async function openNatsCluster(options: NatsClusterOptions): Promise<NatsCluster> {
  const { urls, isOwn = false, node, clock, random, log } = options;
  const link = await connectNats({ urls, name: `sluice ${node}`, log });
  try {
    const unique = randomText(random.bytes(6));
    const facts = await survey({ link, clock, witness: `KV_${SHARDS_BUCKET}`, unique });
    const { refusal, warnings } = judge(facts);
    if (refusal !== undefined) throw new Error(`NATS cannot be used: ${refusal}.`);
    if (!isOwn) for (const warning of warnings) log.warn(warning);
    const { replicas } = facts;
    const onError = (thrown: unknown) =>
      log.warn("the watch on shards began anew", { cause: String(thrown) });
    const shards = await openNatsKeyValue({
      link,
      clock,
      bucket: SHARDS_BUCKET,
      ageMs: SHARD_AGE_MS,
      replicas,
      onError,
    });
    const bus = createNatsBus({
      link,
      onError: (thrown) => log.error("a bus subscriber failed", { cause: String(thrown) }),
    });
    return {
      link,
      bus,
      shards,
      replicas,
      async close() {
        await bus.close();
        await link.close();
      },
    };
  } catch (thrown) {
    await link.close();
    throw thrown;
  }
}
