import { AuthorizationError, connect, type NatsConnection } from "@nats-io/transport-node";
import type { Log } from "../../core/log.ts";
import { serversOf } from "./server-urls.ts";

/** One connection of this process to the NATS cluster; it moves to another server by itself. */
export interface NatsLink {
  readonly connection: NatsConnection;
  /** False from the moment a loss was noticed until a server has taken the connection again. */
  isUp(): boolean;
  close(): Promise<void>;
}

export interface NatsLinkOptions {
  /** `nats://host:port` or `tls://host:port`, with `user:password@` or `token@` where the cluster wants them. */
  readonly urls: readonly string[];
  /** Shown in the servers' own lists. */
  readonly name: string;
  readonly log: Log;
}

const CONNECT_MS = 5_000;
/** A server that is paused or cut off is noticed after two of these: well within a shard's lease. */
const PING_MS = 1_500;
const PINGS_LOST = 2;
const RECONNECT_MS = 200;
const RECONNECT_JITTER_MS = 200;

/** @throws Error that names the setting when no server answers */
export async function connectNats({ urls, name, log }: NatsLinkOptions): Promise<NatsLink> {
  const connection = await connect({
    ...serversOf(urls),
    name,
    timeout: CONNECT_MS,
    pingInterval: PING_MS,
    maxPingOut: PINGS_LOST,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_MS,
    reconnectJitter: RECONNECT_JITTER_MS,
    // What went wrong is told by the caller; a stack for each request would be made whether it is needed or not.
    noAsyncTraces: true,
  }).catch((cause: unknown) => {
    const isRefused = cause instanceof AuthorizationError;
    const why = isRefused
      ? "NATS refuses this user or token: see the one in NATS_URL."
      : "No server of NATS_URL can be reached. Is NATS running?";
    throw new Error(why, { cause });
  });
  let isUp = true;
  void follow(connection, log, (up) => {
    isUp = up;
  });
  return {
    connection,
    isUp: () => isUp,
    close: () => connection.close(),
  };
}

/** Ends with the connection. */
async function follow(connection: NatsConnection, log: Log, tell: (isUp: boolean) => void): Promise<void> {
  for await (const event of connection.status()) {
    switch (event.type) {
      case "disconnect":
        tell(false);
        log.warn("the connection to NATS is lost; trying again");
        break;
      case "reconnect":
        tell(true);
        log.info("connected to NATS again", { server: event.server });
        break;
      case "error":
        log.warn("NATS reports an error", { cause: String(event.error) });
        break;
      default:
        break;
    }
  }
  tell(false);
}
