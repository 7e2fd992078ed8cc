import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  type MsgRequest,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import type { Clock } from "../../core/clock.ts";
import { BusError } from "../bus.ts";
import type { LogMessage, SubjectLog } from "../subject-log.ts";
import { AppendBatches } from "./append-batches.ts";
import { ROOT } from "./bus.ts";
import type { NatsLink } from "./connect.ts";
import { requireSettings } from "./read-back.ts";
import { throughElection } from "./through-election.ts";

export interface NatsSubjectLogOptions {
  readonly link: NatsLink;
  readonly clock: Clock;
  /** The stream's name: `SLUICE_STREAMS`. */
  readonly stream: string;
  /** What it takes, as the bus names it: `streams.*`. */
  readonly subjects: string;
  readonly replicas: number;
  /** Milliseconds that a message is kept. */
  readonly ageMs: number;
  readonly mostBytes: number;
}

/** What headers and the subject may take of a server's largest message. */
const HEADER_BYTES = 1_024;
const DEFAULT_MAX_PAYLOAD = 1024 * 1024;

const MS = 1_000_000;
const NAME_IS_TAKEN = 10_058;
/** Several messages are taken as one from here on. */
const FIRST_WITH_BATCHES = [2, 12] as const;

/**
 * A log on JetStream that takes a message only behind the one that is expected. The oldest goes when it is full.
 * @throws Error when the server made the stream otherwise than it was asked for
 */
export async function openNatsSubjectLog(options: NatsSubjectLogOptions): Promise<SubjectLog> {
  const { connection } = options.link;
  const { manager, takesBatches } = await throughElection(options.clock, async () => {
    const manager = await jetstreamManager(connection);
    return { manager, takesBatches: await ensureStream(manager, options) };
  });
  const { stream } = options;
  const batches = new AppendBatches({ client: jetstream(connection), connection, stream, takesBatches });
  return new NatsSubjectLog(options, manager, batches);
}

/** Answers whether it takes atomic batches. */
async function ensureStream(manager: JetStreamManager, options: NatsSubjectLogOptions): Promise<boolean> {
  const mayBatch = knowsBatches(options.link.connection.info?.version ?? "");
  const { stream, subjects, replicas, ageMs, mostBytes } = options;
  const wanted = {
    name: stream,
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    num_replicas: replicas,
    max_age: ageMs * MS,
    max_bytes: mostBytes,
    max_msgs: -1,
    max_msgs_per_subject: -1,
  } satisfies Partial<StreamConfig>;
  const config = await made(manager, { ...wanted, ...(mayBatch && { allow_atomic: true }) }, [
    ROOT + subjects,
  ]);
  const got = { ...config, subjects: config.subjects.join(", ") };
  requireSettings(`stream ${stream}`, { ...wanted, subjects: ROOT + subjects }, got);
  if (!mayBatch || config.allow_atomic === true) return config.allow_atomic === true;
  return startBatches(manager, config);
}

/** For a stream that was made before: where it cannot be changed, messages go one by one. */
async function startBatches(manager: JetStreamManager, config: StreamConfig): Promise<boolean> {
  try {
    const updated = await manager.streams.update(config.name, { ...config, allow_atomic: true });
    return updated.config.allow_atomic === true;
  } catch (thrown) {
    if (thrown instanceof JetStreamApiError) return false;
    throw thrown;
  }
}

function knowsBatches(version: string): boolean {
  const [, major, minor] = /^v?(\d+)\.(\d+)\./.exec(version) ?? [];
  const [firstMajor, firstMinor] = FIRST_WITH_BATCHES;
  return Number(major) > firstMajor || (Number(major) === firstMajor && Number(minor) >= firstMinor);
}

/** The stream's settings, be it new or the one that is there. */
async function made(
  manager: JetStreamManager,
  wanted: Partial<StreamConfig> & { readonly name: string },
  subjects: string[],
): Promise<StreamConfig> {
  try {
    return (await manager.streams.add({ ...wanted, subjects })).config;
  } catch (thrown) {
    if (!(thrown instanceof JetStreamApiError && thrown.code === NAME_IS_TAKEN)) throw thrown;
    return (await manager.streams.info(wanted.name)).config;
  }
}

class NatsSubjectLog implements SubjectLog {
  constructor(
    readonly options: NatsSubjectLogOptions,
    readonly manager: JetStreamManager,
    readonly batches: AppendBatches,
  ) {}

  get maxBytes(): number {
    return (this.options.link.connection.info?.max_payload ?? DEFAULT_MAX_PAYLOAD) - HEADER_BYTES;
  }

  async append(subject: string, message: Uint8Array, after: number): Promise<number | undefined> {
    this.#requireLink(subject);
    return this.batches.append(subject, message, after);
  }

  last(subject: string): Promise<LogMessage | undefined> {
    return this.#read(subject, { last_by_subj: ROOT + subject });
  }

  next(subject: string, after: number): Promise<LogMessage | undefined> {
    // The server takes both, the client's type names only the other two ways to ask.
    const query = { seq: after + 1, next_by_subj: ROOT + subject };
    return this.#read(subject, query);
  }

  /** Asked of the stream's leader: what any replica answers may lag behind. */
  async #read(subject: string, query: MsgRequest): Promise<LogMessage | undefined> {
    this.#requireLink(subject);
    const found = await this.manager.streams.getMessage(this.options.stream, query);
    return found === null ? undefined : { number: found.seq, message: found.data };
  }

  /** The client would keep the request until it is connected again. */
  #requireLink(subject: string): void {
    if (this.options.link.isUp()) return;
    throw new BusError("no_responders", subject, "The connection to NATS is lost at the moment.");
  }
}
