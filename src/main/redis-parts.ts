import type { Config } from "../config/config.ts";
import { listOf } from "../config/fields.ts";
import { systemClock as clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { systemRandom as random } from "../core/random.ts";
import { createSeal } from "../ledger/sealed.ts";
import { connectRedis } from "../redis/connection.ts";
import type { Redis } from "../redis/redis.ts";
import { createRedisTickets } from "../redis/tickets.ts";
import { createTicketStore, type TicketStore } from "../ws/tickets.ts";
import { derivedKey } from "./ledger-parts.ts";

/** What may be lost: in Redis, shared by all nodes, or in the memory of a node that has none. */
export interface RedisParts {
  /** Undefined: REDIS_URL is not set. */
  readonly redis: Redis | undefined;
  readonly tickets: TicketStore;
  close(): Promise<void>;
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
