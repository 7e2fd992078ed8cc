import type { Config } from "../config/config.ts";
import { listOf } from "../config/fields.ts";
import { PLAIN_ALGORITHM } from "../core/algorithms.ts";
import { systemClock as clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { systemRandom as random } from "../core/random.ts";
import type { GlobalLimiter } from "../gateway/global-limiter.ts";
import type { MetricSources } from "../http/metrics.ts";
import { createSeal } from "../ledger/sealed.ts";
import { connectRedis } from "../redis/connection.ts";
import { createGlobalLimiter, type GlobalCounts } from "../redis/global-limiter.ts";
import type { Redis } from "../redis/redis.ts";
import { createRedisTickets } from "../redis/tickets.ts";
import { createTicketStore, type TicketStore } from "../ws/tickets.ts";
import { derivedKey } from "./ledger-parts.ts";

export interface CountedLimiter extends GlobalLimiter {
  /** Absent: Redis is not asked. */
  readonly counts?: GlobalCounts;
}

/** What may be lost: in Redis, shared by all nodes, or in the memory of a node that has none. */
export interface RedisParts {
  /** Undefined: REDIS_URL is not set. */
  readonly redis: Redis | undefined;
  readonly tickets: TicketStore;
  close(): Promise<void>;
}

/**
 * The limit on everything, by the bucket in Redis that all nodes take from; by the actor that owns it where there is no
 * Redis, and for the ways of counting that the bucket does not know.
 */
export function globalLimiter(
  { redis }: RedisParts,
  leased: GlobalLimiter,
  nodes: () => number,
  log: Log,
): CountedLimiter {
  if (redis === undefined) return leased;
  const shared = createGlobalLimiter({ redis, clock, log, name: "global", nodes });
  return {
    counts: shared.counts,
    take(limit, now) {
      const isBucket = (limit.algorithm ?? PLAIN_ALGORITHM) === "token-bucket";
      return isBucket ? shared.take(limit, now) : leased.take(limit, now);
    },
  };
}

/** What is told of Redis when somebody scrapes; nothing on a node without. */
export function redisSource({ redis }: RedisParts, { counts }: CountedLimiter): Pick<MetricSources, "redis"> {
  if (redis === undefined || counts === undefined) return {};
  return { redis: { isUp: () => redis.isUp(), limit: counts } };
}

/** Resolves also when Redis cannot be reached: a node serves without it, as the log tells. */
export async function openRedis(config: Config, masterSecret: Uint8Array, log: Log): Promise<RedisParts> {
  const urls = listOf(config.redisUrl ?? "");
  if (urls.length === 0) {
    return { redis: undefined, tickets: createTicketStore(clock), close: async () => {} };
  }
  const redis = await connectRedis({ urls, clock, log });
  const seal = createSeal(derivedKey(masterSecret, "tickets"), random);
  return { redis, tickets: createRedisTickets({ redis, seal, clock }), close: () => redis.close() };
}
