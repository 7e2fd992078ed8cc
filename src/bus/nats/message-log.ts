import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerMessages,
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import { NoRespondersError, RequestError } from "@nats-io/transport-node";
import { type Clock, sleep } from "../../core/clock.ts";
import { BusError } from "../bus.ts";
import { type Consumption, type MessageLog, restBeforeDelivery } from "../message-log.ts";
import { ROOT } from "./bus.ts";
import type { NatsLink } from "./connect.ts";
import { requireSettings } from "./read-back.ts";

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

/** A message whose consumer died comes again after this long. */
const ACK_WAIT_MS = 5_000;
/** One whose handler is at work is kept from coming again this often. */
const WORKING_MS = ACK_WAIT_MS / 3;

/** A pull that no server knows any more is noticed after twice half of this. */
const PULL_MS = 10_000;
const CONSUME_AGAIN_MS = 500;

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
  const log = new NatsMessageLog(options, await jetstreamManager(connection), jetstream(connection));
  await log.ensureStream();
  return log;
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

  consume(
    name: string,
    subject: string,
    handler: (message: Uint8Array, deliveries: number) => Promise<void>,
  ): Consumption {
    const { clock, onError } = this.options;
    let isClosed = false;
    let stop: (() => void) | undefined;
    const follow = async (): Promise<void> => {
      const messages = await this.#pull(name, ROOT + subject);
      stop = () => messages.stop();
      if (isClosed) stop();
      for await (const message of messages) {
        if (!isClosed) await this.#handOn(message, handler);
      }
    };
    const keepFollowing = async (): Promise<void> => {
      while (!isClosed && !this.options.link.connection.isClosed()) {
        await follow().catch((thrown: unknown) => {
          if (!isClosed) onError(thrown);
        });
        if (!isClosed) await sleep(clock, CONSUME_AGAIN_MS);
      }
    };
    return {
      ended: keepFollowing(),
      close() {
        isClosed = true;
        stop?.();
      },
    };
  }

  async #pull(name: string, subject: string): Promise<ConsumerMessages> {
    const { stream } = this.options;
    const wanted = {
      durable_name: name,
      filter_subject: subject,
      deliver_policy: DeliverPolicy.All,
      ack_policy: AckPolicy.Explicit,
      // Strict order, whoever takes them: the next comes when this one is acknowledged.
      max_ack_pending: 1,
      max_deliver: -1,
      ack_wait: ACK_WAIT_MS * MS,
      // Nobody asked for so long that there is nothing left to hand on.
      inactive_threshold: MOST_AGE_MS * MS,
    } satisfies Partial<ConsumerConfig>;
    if (await this.#isStreamGone()) await this.ensureStream();
    const { config } = await this.manager.consumers.add(stream, wanted);
    requireSettings<Partial<ConsumerConfig>>(`consumer ${name}`, wanted, config);
    const consumer = await this.client.consumers.get(stream, name);
    return consumer.consume({ max_messages: 1, expires: PULL_MS, abort_on_missing_resource: true });
  }

  async #handOn(
    message: JsMsg,
    handler: (message: Uint8Array, deliveries: number) => Promise<void>,
  ): Promise<void> {
    const { deliveryCount } = message.info;
    const { link, clock } = this.options;
    const keep = clock.every(WORKING_MS, () => {
      if (!link.connection.isClosed()) message.working();
    });
    try {
      await handler(message.data, deliveryCount);
      message.ack();
    } catch {
      message.nak(restBeforeDelivery(deliveryCount));
    } finally {
      keep();
    }
  }

  async #isStreamGone(): Promise<boolean> {
    try {
      await this.manager.streams.info(this.options.stream);
      return false;
    } catch (thrown) {
      if (thrown instanceof JetStreamApiError) return true;
      throw thrown;
    }
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
