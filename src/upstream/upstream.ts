import type { SocketHandler } from "bun";
import type { Transport } from "../adapters/adapter.ts";
import type { Cancel, Clock } from "../core/clock.ts";
import type { Connection } from "./connection.ts";
import { Exchange } from "./exchange.ts";
import { MAX_CONNECTIONS, MAX_ORIGINS, SWEEP_MS } from "./limits.ts";
import { type Network, Origin } from "./origin.ts";
import { type OriginAddress, RequestWriter } from "./request-head.ts";
import { UpstreamError } from "./upstream-error.ts";

/** What calls vendors. */
export interface Upstream {
  readonly call: Transport;
  /** Undefined where nobody knows. */
  stats(): UpstreamStats | undefined;
  /** Closes everything; calls that run fail. */
  close(): void;
}

/** Open connections to all origins, and the unused ones among them. */
export interface UpstreamStats {
  readonly connections: number;
  readonly idle: number;
}

export interface UpstreamSettings {
  readonly clock: Clock;
  /** Trusted beside the system's own authorities, in PEM: for a server whose certificate is self-made. */
  readonly authorities?: string;
  readonly maxConnections?: number;
}

/** `http/1.1` as TLS offers protocols: each behind its length (RFC 7301). */
const PROTOCOLS = Uint8Array.from([8, ...Buffer.from("http/1.1")]).buffer;

/**
 * HTTP/1.1 to vendors (RFC 9110, RFC 9112). Connections are kept and used again; an answer's bytes are handed over as
 * they came, without a copy. Redirects are answers like any other. Errors are UpstreamErrors, or the signal's reason.
 * A signal belongs to one call.
 */
export function createUpstream(settings: UpstreamSettings): Upstream {
  const { clock, maxConnections = MAX_CONNECTIONS } = settings;
  const origins = new Map<string, Origin>();
  const writer = new RequestWriter();
  const tls = { ALPNProtocols: PROTOCOLS, ...(settings.authorities && { ca: settings.authorities }) };
  let connections = 0;
  let isClosed = false;
  let stopSweeping: Cancel | undefined;

  const network: Network = {
    clock,
    async dial(connection, { hostname, port, isSecure }) {
      try {
        await Bun.connect({ hostname, port, socket: HANDLERS, data: connection, ...(isSecure && { tls }) });
      } catch (thrown) {
        connection.refused(thrown instanceof Error ? thrown : undefined);
      }
    },
    mayOpen: () => connections < maxConnections || closeOldest(),
    count(change) {
      connections += change;
      if (connections > 0 && !isClosed) stopSweeping ??= clock.every(SWEEP_MS, sweep);
    },
  };

  function sweep(): void {
    const now = clock.monotonic();
    for (const origin of origins.values()) origin.sweep(now);
    if (connections === 0) stop();
  }

  function stop(): void {
    stopSweeping?.();
    stopSweeping = undefined;
  }

  /** Room for one more: an unused connection of whichever origin has one. */
  function closeOldest(): boolean {
    for (const origin of origins.values()) if (origin.closeOldest()) return true;
    return false;
  }

  function originOf(address: OriginAddress): Origin {
    const known = origins.get(address.name);
    if (known !== undefined) return known;
    if (origins.size >= MAX_ORIGINS) {
      for (const [name, origin] of origins) if (origin.isUnused) origins.delete(name);
    }
    const origin = new Origin(address, network);
    origins.set(address.name, origin);
    return origin;
  }

  return {
    call(call, signal, observer) {
      // Not an async function: that would wait three turns more for what is there.
      try {
        signal.throwIfAborted();
        if (isClosed) throw new UpstreamError("upstream_closed", "This node stops.");
        const request = writer.write(call);
        const exchange = new Exchange(request, signal, observer);
        originOf(request.origin).start(exchange);
        return exchange.answered;
      } catch (thrown) {
        return Promise.reject(thrown);
      }
    },
    stats: () => ({
      connections,
      idle: [...origins.values()].reduce((sum, { idle }) => sum + idle.size, 0),
    }),
    close() {
      isClosed = true;
      stop();
      for (const origin of origins.values()) origin.close();
      origins.clear();
    },
  };
}

/** One set of handlers for all connections: each finds itself in its socket's data. */
const HANDLERS: SocketHandler<Connection> = {
  binaryType: "buffer",
  open: (socket) => socket.data.opened(socket),
  handshake: (socket, isTrusted, error) => socket.data.secured(isTrusted, error),
  data: (socket, bytes) => socket.data.received(bytes),
  drain: (socket) => socket.data.drained(),
  close: (socket, error) => socket.data.lost(error),
  // A TLS session that failed, which closes its socket without a reason; or a handler, which does not close it.
  error: (socket, error) => socket.data.lost(error, true),
  connectError: (socket, error) => socket.data.refused(error),
};
