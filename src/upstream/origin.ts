import type { Clock } from "../core/clock.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import type { Carrier, Exchange } from "./exchange.ts";
import { IdleList } from "./idle-list.ts";
import {
  CONNECT_MS,
  IDLE_MARGIN_MS,
  IDLE_MS,
  LEAST_PATIENCE_MS,
  MAX_IDLE_PER_ORIGIN,
  PATIENCE_GROWTH,
} from "./limits.ts";
import type { OriginAddress } from "./request-head.ts";
import { UpstreamError } from "./upstream-error.ts";

/** What all origins share. */
export interface Network {
  readonly clock: Clock;
  /** Begins to connect; the connection is told how that goes. */
  dial(connection: Connection, address: OriginAddress): void;
  /** True when one more connection may be opened, to which room is made where need be. */
  mayOpen(): boolean;
  /** One connection more or less, from the beginning of its opening to its end. */
  count(change: 1 | -1): void;
}

/** The connections to one server, and the calls that wait for one. */
export class Origin implements ConnectionOwner, Carrier {
  readonly idle = new IdleList();
  session: Buffer | undefined;
  readonly #connecting = new Set<Connection>();
  readonly #standing = new Set<Connection>();
  readonly #waiting = new Set<Exchange>();
  /** How long the server was seen to keep an unused connection. */
  #patienceMs = IDLE_MS;

  constructor(
    readonly address: OriginAddress,
    readonly network: Network,
  ) {}

  get isUnused(): boolean {
    return this.#standing.size === 0 && this.#connecting.size === 0;
  }

  /** Sends the exchange's request on a connection that stands, or on the first that will. */
  start(exchange: Exchange): void {
    const now = this.network.clock.monotonic();
    for (let connection = this.idle.pop(); connection !== undefined; connection = this.idle.pop()) {
      if (now - connection.since < this.#patienceWith(connection) && connection.carry(exchange)) return;
      connection.close();
    }
    this.#queue(exchange);
  }

  connected(connection: Connection): void {
    this.#connecting.delete(connection);
    this.#standing.add(connection);
    this.freed(connection);
  }

  freed(connection: Connection): void {
    for (const exchange of this.#waiting) {
      this.#waiting.delete(exchange);
      exchange.observer?.reached("connected");
      if (connection.carry(exchange)) return;
      connection.close();
      this.#again(exchange, new UpstreamError("connection_closed", "The vendor closes what it accepts."));
      return;
    }
    if (this.idle.size >= MAX_IDLE_PER_ORIGIN) {
      connection.close();
      return;
    }
    connection.state = "idle";
    connection.since = this.network.clock.monotonic();
    this.idle.push(connection);
  }

  /** What a server does once it does again: others are not kept as long from now on. */
  spoiled(connection: Connection): void {
    this.idle.remove(connection);
    const keptMs = this.network.clock.monotonic() - connection.since;
    if (keptMs >= LEAST_PATIENCE_MS) this.#patienceMs = Math.min(this.#patienceMs, withMargin(keptMs));
  }

  ended(connection: Connection, exchange: Exchange | undefined, error: UpstreamError): void {
    if (this.#connecting.delete(connection)) {
      this.network.count(-1);
      this.#failOneOf(error);
      return;
    }
    if (!this.#standing.delete(connection)) return;
    this.network.count(-1);
    if (exchange === undefined) return;
    if (mayRepeat(exchange, connection)) this.#again(exchange, error);
    else exchange.fail(error);
  }

  /** Closes what was unused for too long, and what does not come to stand. */
  sweep(now: number): void {
    this.#patienceMs = Math.min(IDLE_MS, this.#patienceMs * PATIENCE_GROWTH);
    for (let oldest = this.idle.oldest; oldest !== undefined; oldest = this.idle.oldest) {
      if (now - oldest.since < this.#patienceWith(oldest)) break;
      this.closeOldest();
    }
    for (const connection of this.#connecting) {
      if (now - connection.since < CONNECT_MS) break;
      connection.giveUp(
        new UpstreamError("connect_timeout", "The connection did not come to stand in time."),
      );
    }
  }

  /** Closes the connection that is unused for the longest time; false when none is. */
  closeOldest(): boolean {
    const { oldest } = this.idle;
    if (oldest === undefined) return false;
    this.idle.remove(oldest);
    oldest.close();
    return true;
  }

  /** Closes all connections; what runs or waits fails. */
  close(): void {
    const error = new UpstreamError("upstream_closed", "This node stops.");
    while (this.closeOldest());
    for (const connection of this.#connecting) connection.giveUp(error);
    for (const connection of this.#standing) connection.giveUp(error);
  }

  /** A call that waits for a connection was aborted. The connection is opened all the same: another will use it. */
  drop(exchange: Exchange): void {
    this.#waiting.delete(exchange);
  }

  pause(): void {}

  resume(): void {}

  #again(exchange: Exchange, error: UpstreamError): void {
    if (exchange.isRetried) {
      exchange.fail(error);
      return;
    }
    exchange.isRetried = true;
    this.#queue(exchange);
  }

  #queue(exchange: Exchange): void {
    if (!this.network.mayOpen()) {
      exchange.fail(new UpstreamError("too_many_connections", "There are too many connections to vendors."));
      return;
    }
    exchange.carrier = this;
    this.#waiting.add(exchange);
    exchange.observer?.reached("connecting");
    const connection = new Connection(this, this.network.clock.monotonic());
    this.#connecting.add(connection);
    this.network.count(1);
    this.network.dial(connection, this.address);
  }

  /** Those that wait are never more than the connections that are being opened. */
  #failOneOf(error: UpstreamError): void {
    if (this.#waiting.size <= this.#connecting.size) return;
    for (const exchange of this.#waiting) {
      this.#waiting.delete(exchange);
      exchange.fail(error);
      return;
    }
  }

  #patienceWith({ keepAliveMs }: Connection): number {
    if (keepAliveMs === undefined) return this.#patienceMs;
    return Math.min(this.#patienceMs, withMargin(keepAliveMs));
  }
}

/** What is left of a server's patience when a request needs a part of it to get there. */
const withMargin = (patienceMs: number): number => Math.max(patienceMs - IDLE_MARGIN_MS, patienceMs / 2);

/**
 * Whether a request whose connection was lost may be sent once more, on another. Only on a connection that had served before (it may
 * have been closed for its age, just then), before anything of an answer came, and
 * - when its last byte was not sent yet: a server that never had all of it has not acted on it; or
 * - when it is idempotent (RFC 9112, 9.3.1; RFC 9110, 9.2.2).
 * A POST that was sent is not: whether the server closed before it read it, or because of it, cannot be told from here,
 * and an answer that was begun is paid for.
 */
function mayRepeat(exchange: Exchange, connection: Connection): boolean {
  if (exchange.hasBegun || connection.served === 0) return false;
  return !exchange.isSent || exchange.request?.isIdempotent === true;
}
