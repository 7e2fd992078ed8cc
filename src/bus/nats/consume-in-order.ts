import {
  AckPolicy,
  type Consumer,
  type ConsumerConfig,
  DeliverPolicy,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
} from "@nats-io/jetstream";
import { type Clock, sleep } from "../../core/clock.ts";
import { type Consumption, type Handler, restBeforeDelivery } from "../message-log.ts";
import type { NatsLink } from "./connect.ts";
import { requireSettings } from "./read-back.ts";

/** Where a consumer of a stream stands, shared by all of its name. */
export interface Place {
  readonly stream: string;
  readonly name: string;
  readonly subject: string;
  /** How long the place is kept while nobody asks. */
  readonly keptMs: number;
}

export interface ConsumingParts {
  readonly link: NatsLink;
  readonly clock: Clock;
  readonly manager: JetStreamManager;
  readonly client: JetStreamClient;
  /** Makes the stream again when it is gone. */
  readonly ensureStream: () => Promise<void>;
  /** Told why consuming began anew, once until it works again. */
  readonly onError: (thrown: unknown) => void;
}

/** A message whose consumer died comes again after this long. */
const ACK_WAIT_MS = 5_000;
/** One whose handler is at work is kept from coming again this often. */
const WORKING_MS = ACK_WAIT_MS / 3;

/**
 * Each message is asked for by itself, and an answer that does not come is given up: the client's own endless pull
 * stands still for good when a leader is being elected while it connects again.
 */
const PULL_MS = 4_000;
const PULL_GRACE_MS = 1_000;
const AGAIN_MS = 500;
/** So many times in a row the consumer may be gone rather than without a leader: it is made again. */
const OPEN_AFTER_FAILURES = 4;

const MS = 1_000_000;

/** Hands on a subject's messages one at a time and takes each off the log only when its handler has resolved. */
export function consumeInOrder(place: Place, handler: Handler, parts: ConsumingParts): Consumption {
  const { link, clock, onError } = parts;
  let isClosed = false;
  let consumer: Consumer | undefined;
  let failures = 0;
  let stopPull = (): void => {};

  const next = async (): Promise<void> => {
    // What is there is asked without the servers' meta leader, who may be missing for longer than a consumer's own.
    if (consumer === undefined || failures % OPEN_AFTER_FAILURES === OPEN_AFTER_FAILURES - 1) {
      consumer = await openConsumer(place, parts);
    }
    const message = await pull(consumer, clock, (stop) => {
      stopPull = stop;
    });
    failures = 0;
    if (message !== undefined && !isClosed) await handOn(message, handler, parts);
  };
  const keepFollowing = async (): Promise<void> => {
    while (!isClosed && !link.connection.isClosed()) {
      try {
        if (link.isUp()) await next();
        else await sleep(clock, AGAIN_MS);
      } catch (thrown) {
        if (isClosed) return;
        failures += 1;
        if (failures === 1) onError(thrown);
        await sleep(clock, AGAIN_MS);
      }
    }
  };
  return {
    ended: keepFollowing(),
    close() {
      isClosed = true;
      stopPull();
    },
  };
}

async function openConsumer(place: Place, parts: ConsumingParts): Promise<Consumer> {
  const { stream, name, subject, keptMs } = place;
  const wanted = {
    durable_name: name,
    filter_subject: subject,
    deliver_policy: DeliverPolicy.All,
    ack_policy: AckPolicy.Explicit,
    // Strict order, whoever takes them: the next comes when this one is acknowledged.
    max_ack_pending: 1,
    max_deliver: -1,
    ack_wait: ACK_WAIT_MS * MS,
    inactive_threshold: keptMs * MS,
  } satisfies Partial<ConsumerConfig>;
  if (await isStreamGone(place, parts)) await parts.ensureStream();
  const { config } = await parts.manager.consumers.add(stream, wanted);
  requireSettings<Partial<ConsumerConfig>>(`consumer ${name}`, wanted, config);
  return await parts.client.consumers.get(stream, name);
}

async function isStreamGone({ stream }: Place, { manager }: ConsumingParts): Promise<boolean> {
  try {
    await manager.streams.info(stream);
    return false;
  } catch (thrown) {
    if (thrown instanceof JetStreamApiError) return true;
    throw thrown;
  }
}

/** The next message; undefined when none came in time. */
async function pull(
  consumer: Consumer,
  clock: Clock,
  canStop: (stop: () => void) => void,
): Promise<JsMsg | undefined> {
  const messages = await consumer.fetch({ max_messages: 1, expires: PULL_MS });
  const stop = (): void => messages.stop();
  canStop(stop);
  const cancel = clock.after(PULL_MS + PULL_GRACE_MS, stop);
  try {
    for await (const message of messages) return message;
    return undefined;
  } finally {
    cancel();
    stop();
  }
}

async function handOn(message: JsMsg, handler: Handler, { link, clock }: ConsumingParts): Promise<void> {
  const { deliveryCount } = message.info;
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
