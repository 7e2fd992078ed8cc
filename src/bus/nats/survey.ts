import { JetStreamApiError, jetstreamManager } from "@nats-io/jetstream";
import { type Clock, sleep } from "../../core/clock.ts";
import type { NatsLink } from "./connect.ts";
import { AGAIN_MS, ELECTION_MS, throughElection } from "./through-election.ts";
import type { ServerFacts } from "./trust.ts";

/** Only the system account is answered. */
const VARZ_MS = 500;

/** The probe's name and subject; it is deleted at once, and holds nothing. */
const PROBE = "sluice_survey";

export interface SurveyOptions {
  readonly link: NatsLink;
  readonly clock: Clock;
  /** A stream that an earlier start has made: later ones are made alike. */
  readonly witness: string;
  /** Tells this start's probe from another's. */
  readonly unique: string;
}

/**
 * Finds out what the servers can be trusted with.
 * @throws Error when JetStream is off, or takes no writes within half a minute
 */
export async function survey({ link, clock, witness, unique }: SurveyOptions): Promise<ServerFacts> {
  const { info } = link.connection;
  if (info?.jetstream !== true) throw new Error("NATS runs without JetStream: start it with `-js`.");
  const found = async (): Promise<number> =>
    info.cluster === undefined
      ? await takesWrites(link, clock, unique, 1)
      : await replicasOf(link, clock, unique);
  return {
    version: info.version,
    // A server that is down at the moment makes no smaller cluster.
    replicas: (await replicasOfStream(link, clock, witness)) ?? (await found()),
    syncsAlways: await syncsAlways(link),
  };
}

async function replicasOfStream(
  { connection }: NatsLink,
  clock: Clock,
  name: string,
): Promise<number | undefined> {
  try {
    const { config } = await throughElection(clock, async () => {
      const manager = await jetstreamManager(connection);
      return await manager.streams.info(name);
    });
    return config.num_replicas;
  } catch (thrown) {
    if (thrown instanceof JetStreamApiError) return undefined;
    throw thrown;
  }
}

/** Three where there are three servers; a smaller cluster keeps one copy. */
async function replicasOf(link: NatsLink, clock: Clock, unique: string): Promise<number> {
  try {
    return await takesWrites(link, clock, unique, 3);
  } catch {
    return await takesWrites(link, clock, unique, 1);
  }
}

/** Makes a stream and removes it: that answers better than any figure a server tells of itself. */
async function takesWrites(link: NatsLink, clock: Clock, unique: string, replicas: number): Promise<number> {
  const deadline = clock.monotonic() + ELECTION_MS;
  const name = `${PROBE}_${unique}`;
  for (;;) {
    try {
      const manager = await jetstreamManager(link.connection);
      await manager.streams.add({ name, subjects: [name], num_replicas: replicas });
      await manager.streams.delete(name);
      return replicas;
    } catch (cause) {
      if (clock.monotonic() >= deadline)
        throw new Error(`NATS takes no writes (${String(cause)}). Is its JetStream healthy?`, { cause });
    }
    await sleep(clock, AGAIN_MS);
  }
}

async function syncsAlways({ connection }: NatsLink): Promise<boolean | undefined> {
  try {
    const answer = await connection.request("$SYS.REQ.SERVER.PING.VARZ", undefined, { timeout: VARZ_MS });
    const told = answer.json() as { data?: { jetstream?: { config?: { sync_always?: boolean } } } }; // nats-server's monitoring
    return told.data?.jetstream?.config?.sync_always === true;
  } catch {
    return undefined;
  }
}
