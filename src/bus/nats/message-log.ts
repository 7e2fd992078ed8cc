import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import { NoRespondersError, RequestError } from "@nats-io/transport-node";
import type { Clock } from "../../core/clock.ts";
import { BusError } from "../bus.ts";
import type { Consumption, Handler, MessageLog } from "../message-log.ts";
import { ROOT } from "./bus.ts";
import type { NatsLink } from "./connect.ts";
import { consumeInOrder } from "./consume-in-order.ts";
import { requireSettings } from "./read-back.ts";
import { throughElection } from "./through-election.ts";

export interface NatsMessageLogOptions {
  readonly link: NatsLink;
  /** The stream's name: `SLUICE_USAGE`. */
  readonly stream: string;
  /** What it takes, as the bus names it: `usage.*`. */
  readonly subjects: string;
  readonly replicas: number;
  readonly clock: Clock;
  /** Told why a consumer began anew, or why the stream could not be made again. */
  readonly onError: (thrown: unknown) => void;
}

/** Whoever sends keeps what is not in the ledger, so the log only has to outlive the failures that it bridges. */
const MOST_AGE_MS = 24 * 3_600_000;
const MOST_BYTES = 1024 * 1024 * 1024;

/** How long servers may take for one message: an election in between is answered by sending again. */
const APPEND_MS = 5_000;

/** What headers and the subject may take of a server's largest message. */
const HEADER_BYTES = 1_024;
const DEFAULT_MAX_PAYLOAD = 1024 * 1024;

const MS = 1_000_000;
const NAME_IS_TAKEN = 10_058;

/**
 * A log on JetStream: a stream in files, from which the oldest goes when it is full or a day old.
 * @throws Error when the server made it otherwise than it was asked for, or holds one of that name that is otherwise
 */
export async function openNatsMessageLog(options: NatsMessageLogOptions): Promise<MessageLog> {
  const { connection } = options.link;
  return await throughElection(options.clock, async () => {
    const log = new NatsMessageLog(options, await jetstreamManager(connection), jetstream(connection));
    await log.ensureStream();
    return log;
  });
}

class NatsMessageLog implements MessageLog {
  #ensuring: Promise<void> | undefined;

  constructor(
    readonly options: NatsMessageLogOptions,
    readonly manager: JetStreamManager,
    readonly client: JetStreamClient,
  ) {}

  get maxBytes(): number {
    return (this.options.link.connection.info?.max_payload ?? DEFAULT_MAX_PAYLOAD) - HEADER_BYTES;
  }

  async ensureStream(): Promise<void> {
    const { stream, subjects, replicas } = this.options;
    const wanted = {
      name: stream,
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      num_replicas: replicas,
      max_age: MOST_AGE_MS * MS,
      max_bytes: MOST_BYTES,
      max_msgs: -1,
      max_msgs_per_subject: -1,
    } satisfies Partial<StreamConfig>;
    const config = await this.#made(wanted, [ROOT + subjects]);
    requireSettings(
      `stream ${stream}`,
      { ...wanted, subjects: ROOT + subjects },
      {
        ...config,
        subjects: config.subjects.join(", "),
      },
    );
  }

  /** The stream's settings, be it new or the one that is there. */
  async #made(wanted: Partial<StreamConfig> & { readonly name: string }, subjects: string[]) {
    try {
      return (await this.manager.streams.add({ ...wanted, subjects })).config;
    } catch (thrown) {
      if (!(thrown instanceof JetStreamApiError && thrown.code === NAME_IS_TAKEN)) throw thrown;
      return (await this.manager.streams.info(wanted.name)).config;
    }
  }

  async append(subject: string, message: Uint8Array): Promise<void> {
    const { link, stream } = this.options;
    // The client would keep it until it is connected again, when it has long been sent anew.
    if (!link.isUp())
      throw new BusError("no_responders", subject, "The connection to NATS is lost at the moment.");
    try {
      const answer = await this.client.publish(ROOT + subject, message, { timeout: APPEND_MS, retries: 0 });
      // Nothing here has an id that a server could know from before: a duplicate would be another's message.
      if (answer.stream !== stream || answer.duplicate)
        throw new Error(`the message went to the stream ${answer.stream}, as a duplicate or by mistake`);
    } catch (thrown) {
      if (hasNoStream(thrown)) this.#ensureAgain();
      throw thrown;
    }
  }

  async subjects(): Promise<readonly string[]> {
    const { stream, subjects } = this.options;
    const { state } = await this.manager.streams.info(stream, { subjects_filter: ROOT + subjects });
    return Object.keys(state.subjects ?? {}).map((subject) => subject.slice(ROOT.length));
  }

  consume(name: string, subject: string, handler: Handler): Consumption {
    const { link, clock, stream, onError } = this.options;
    const place = { stream, name, subject: ROOT + subject, keptMs: MOST_AGE_MS };
    const { manager, client } = this;
    const ensureStream = () => this.ensureStream();
    return consumeInOrder(place, handler, { link, clock, manager, client, ensureStream, onError });
  }

  /** Servers that lost all they had: what they lost is sent again by those who keep it. */
  #ensureAgain(): void {
    this.#ensuring ??= this.ensureStream()
      .catch(this.options.onError)
      .finally(() => {
        this.#ensuring = undefined;
      });
  }
}

const hasNoStream = (thrown: unknown): boolean =>
  thrown instanceof NoRespondersError || (thrown instanceof RequestError && thrown.isNoResponders());
