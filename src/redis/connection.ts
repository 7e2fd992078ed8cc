import { type Clock, sleep } from "../core/clock.ts";
import { SluiceError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { createClient, type RedisClient } from "./client.ts";
import type { Redis, RedisScript, RedisValue } from "./redis.ts";

export interface RedisOptions {
  /** One: a server; more: nodes of a Redis Cluster. `redis://` or `rediss://`. */
  readonly urls: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

/** How long a start waits for Redis; then the node goes on without. */
const START_MS = 2_000;
/** How long one command may take; a healthy one takes less than a millisecond. */
const COMMAND_MS = 500;
/** Commands under way at once: at a millisecond each, a million a second; more mean that Redis stands still. */
const IN_FLIGHT = 1_000;
/** How long the last replies are waited for at the end. */
const CLOSE_MS = 1_000;
/** A refusal (wrong rights, no memory) concerns all commands of its kind: it is told no more than once a minute. */
const COMPLAIN_MS = 60_000;

/** Why it is away, where no error tells. */
const CLOSED = "the connection was closed";

/**
 * Connects, and stays connected for as long as the process runs. Resolves at the latest after two seconds, whether
 * Redis is there or not: what it holds may be lost.
 */
export async function connectRedis(options: RedisOptions): Promise<Redis> {
  const connection = new RedisConnection(options, createClient(options.urls));
  await connection.open();
  return connection;
}

class RedisConnection implements Redis {
  #state: "starting" | "up" | "away" | "closed" = "starting";
  #reason = CLOSED;
  #inFlight = 0;
  #complainAt = Number.NEGATIVE_INFINITY;
  readonly #firstReady = Promise.withResolvers<void>();

  constructor(
    readonly options: RedisOptions,
    readonly client: RedisClient,
  ) {
    client.on("ready", () => this.#ready());
    client.on("error", (error: Error) => {
      this.#reason = reasonOf(error);
    });
    client.on("close", () => this.#away());
    client.on("end", () => this.#away());
  }

  isUp(): boolean {
    return this.#state === "up";
  }

  async open(): Promise<void> {
    const { clock, log } = this.options;
    // It goes on trying by itself; why it could not, its events tell.
    this.client.connect().catch(() => {});
    await Promise.race([this.#firstReady.promise, sleep(clock, START_MS)]);
    if (this.#state === "up") return;
    this.#state = "away";
    log.warn("Redis cannot be reached; going on without it until it is there", { reason: this.#reason });
  }

  send(command: string, key: string, ...args: RedisValue[]): Promise<unknown> {
    return this.#within(() => this.client.callBuffer(command, key, ...args));
  }

  run({ sha, lua }: RedisScript, key: string, ...args: RedisValue[]): Promise<unknown> {
    return this.#within(async () => {
      try {
        return await this.client.callBuffer("EVALSHA", sha, 1, key, ...args);
      } catch (thrown) {
        if (!(thrown instanceof Error && thrown.message.startsWith("NOSCRIPT"))) throw thrown;
        return await this.client.callBuffer("EVAL", lua, 1, key, ...args);
      }
    });
  }

  async close(): Promise<void> {
    const wasUp = this.isUp();
    this.#state = "closed";
    const { clock } = this.options;
    if (wasUp) await Promise.race([this.client.quit().catch(() => {}), sleep(clock, CLOSE_MS)]);
    this.client.disconnect();
  }

  async #within(call: () => Promise<unknown>): Promise<unknown> {
    if (this.#state !== "up") throw unavailable("it is away");
    if (this.#inFlight >= IN_FLIGHT) throw unavailable("too many commands wait for it");
    this.#inFlight += 1;
    const late = Promise.withResolvers<never>();
    const cancel = this.options.clock.after(COMMAND_MS, () =>
      late.reject(new Error(`no answer in ${COMMAND_MS} ms`)),
    );
    try {
      return await Promise.race([call(), late.promise]);
    } catch (thrown) {
      const reason = reasonOf(thrown);
      if (thrown instanceof Error && thrown.name === "ReplyError") this.#complain(reason);
      throw unavailable(reason);
    } finally {
      cancel();
      this.#inFlight -= 1;
    }
  }

  #ready(): void {
    const { log } = this.options;
    if (this.#state === "closed" || this.#state === "up") return;
    if (this.#state === "away") log.info("Redis is there again");
    this.#reason = CLOSED;
    this.#state = "up";
    this.#firstReady.resolve();
  }

  #away(): void {
    if (this.#state !== "up") return;
    this.#state = "away";
    this.options.log.warn("Redis is gone; going on without it until it is back", { reason: this.#reason });
  }

  #complain(reason: string): void {
    const { clock, log } = this.options;
    if (clock.monotonic() < this.#complainAt) return;
    this.#complainAt = clock.monotonic() + COMPLAIN_MS;
    const advice = reason.startsWith("MOVED")
      ? "REDIS_URL names one node of a Redis Cluster: give at least two of its nodes, separated by commas"
      : "Redis refused a command";
    log.warn(advice, { reason });
  }
}

/** Its message alone: a driver's error also holds the arguments of the command. */
function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const inner = "lastNodeError" in thrown ? thrown.lastNodeError : undefined;
  return inner instanceof Error ? `${thrown.message} (${inner.message})` : thrown.message;
}

const unavailable = (reason: string): SluiceError =>
  new SluiceError("overloaded", "The nodes' shared memory cannot be reached at the moment. Try again.", {
    retryAfterMs: 1_000,
    cause: new Error(`Redis: ${reason}`),
  });
