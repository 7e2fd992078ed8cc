import { Redis as Client, Cluster } from "ioredis";

/** The driver: one server, or a cluster that finds its other nodes by the ones that are named. */
export type RedisClient = Client | Cluster;

/** Milliseconds for a connection to stand. */
const CONNECT_MS = 2_000;
/** Milliseconds without a byte while replies are awaited after which a connection is given up: bounds its queue. */
const SILENCE_MS = 2_000;
/** Milliseconds between two tries to connect: the first, and what they grow to. */
const RETRY_MS = 100;
const MOST_RETRY_MS = 2_000;
/** How often a command follows a slot that moved; one that still has not arrived fails. */
const REDIRECTIONS = 4;
const DEFAULT_PORT = 6_379;

/**
 * Not yet connected. Commands neither wait for a connection nor are sent a second time on another one.
 * @param urls one: a server; more: nodes of a Redis Cluster, with the credentials of the first
 */
export function createClient(urls: readonly string[]): RedisClient {
  const [url = "", ...others] = urls;
  return others.length === 0
    ? new Client(url, { ...OF_EVERY_CONNECTION, lazyConnect: true, enableOfflineQueue: false, retryStrategy })
    : new Cluster(urls.map(placeOf), clusterOptions(new URL(url)));
}

const retryStrategy = (times: number): number => Math.min(MOST_RETRY_MS, RETRY_MS * 2 ** Math.min(times, 10));

const OF_EVERY_CONNECTION = {
  connectTimeout: CONNECT_MS,
  socketTimeout: SILENCE_MS,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  // A primary that became a replica: its successor is behind the same name.
  reconnectOnError: ({ message }: Error) => message.startsWith("READONLY"),
} as const;

function clusterOptions(first: URL) {
  const { username, password } = first;
  const isSecure = first.protocol === "rediss:";
  return {
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: retryStrategy,
    maxRedirections: REDIRECTIONS,
    slotsRefreshTimeout: CONNECT_MS,
    // Certificates are for names; looking them up here would leave only addresses.
    ...(isSecure ? { dnsLookup: keepName } : {}),
    redisOptions: {
      ...OF_EVERY_CONNECTION,
      ...(username === "" ? {} : { username: decodeURIComponent(username) }),
      ...(password === "" ? {} : { password: decodeURIComponent(password) }),
      ...(isSecure ? { tls: {} } : {}),
    },
  };
}

const keepName = (name: string, found: (error: null, address: string) => void): void => found(null, name);

function placeOf(text: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(text);
  // A URL keeps the brackets of an IPv6 address, a socket does not take them.
  return { host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? DEFAULT_PORT : Number(port) };
}
