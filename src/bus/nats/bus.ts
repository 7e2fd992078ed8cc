import type { Msg, NatsConnection, Subscription as NatsSubscription } from "@nats-io/transport-node";
import { NoRespondersError, RequestError, TimeoutError } from "@nats-io/transport-node";
import { SluiceError } from "../../core/errors.ts";
import { type Bus, BusError, type Subscription } from "../bus.ts";
import { packPayload, unpackPayload } from "../payload.ts";
import type { NatsLink } from "./connect.ts";

/** Requests waiting for an answer before new ones are refused: a bound on memory, far above what a node asks. */
const MAX_PENDING = 65_536;

/** All of Sluice's subjects are below this one. */
export const ROOT = "sluice.";

/** Servers of one subject are one queue group: each request reaches one of them. */
const SERVERS = "servers";

export interface NatsBusOptions {
  readonly link: NatsLink;
  /** Told what a subscriber threw: a message to nobody in particular has nobody to answer. */
  readonly onError?: (thrown: unknown, subject: string) => void;
}

/** What the answering side sends back. */
type Reply =
  | readonly [ok: true, payload: unknown]
  | readonly [ok: false, message: string, code: string | undefined];

/**
 * The bus of a cluster. While the connection is lost nothing is kept for later: requests are refused as
 * `no_responders` (they certainly reached nobody), what is published is dropped.
 */
export function createNatsBus({ link, onError = () => {} }: NatsBusOptions): Bus {
  return new NatsBus(link, onError);
}

class NatsBus implements Bus {
  readonly #connection: NatsConnection;
  readonly #subscriptions = new Set<NatsSubscription>();
  #pending = 0;
  #isClosed = false;
  readonly #closing = Promise.withResolvers<never>();

  constructor(
    readonly link: NatsLink,
    readonly onError: (thrown: unknown, subject: string) => void,
  ) {
    this.#connection = link.connection;
    // Only those who race with it shall hear of it.
    this.#closing.promise.catch(() => {});
  }

  async request(
    subject: string,
    payload: unknown,
    options: { readonly timeoutMs: number },
  ): Promise<unknown> {
    if (this.#isClosed) throw closed(subject);
    if (!this.link.isUp()) throw unreachable(subject);
    if (this.#pending >= MAX_PENDING)
      throw new SluiceError("overloaded", "Too many internal requests are waiting.");
    this.#pending += 1;
    try {
      const asked = this.#connection.request(ROOT + subject, packPayload(payload), {
        timeout: options.timeoutMs,
      });
      return payloadOf(await Promise.race([asked, this.#closing.promise]), subject);
    } catch (thrown) {
      throw this.#isClosed && !(thrown instanceof BusError)
        ? closed(subject)
        : busError(thrown, subject, options);
    } finally {
      this.#pending -= 1;
    }
  }

  serve(subject: string, handler: (payload: unknown, subject: string) => Promise<unknown>): Subscription {
    return this.#listen(subject, SERVERS, (message, named) => {
      answer(handler, message, named).then(
        (reply) => this.#respond(message, reply),
        (thrown: unknown) => this.#respond(message, refusal(thrown)),
      );
    });
  }

  publish(subject: string, payload: unknown): void {
    if (this.#isClosed || !this.link.isUp()) return;
    this.#connection.publish(ROOT + subject, packPayload(payload));
  }

  subscribe(subject: string, handler: (payload: unknown, subject: string) => void): Subscription {
    return this.#listen(subject, undefined, (message, named) => handler(unpackPayload(message.data), named));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#subscriptions.clear();
    this.#closing.reject(closed("*"));
    await Promise.resolve();
  }

  #listen(
    subject: string,
    queue: string | undefined,
    handle: (message: Msg, subject: string) => void,
  ): Subscription {
    const subscription = this.#connection.subscribe(ROOT + subject, {
      ...(queue === undefined ? {} : { queue }),
      callback: (error, message) => {
        const named = error === null ? message.subject.slice(ROOT.length) : subject;
        try {
          if (error !== null) throw error;
          handle(message, named);
        } catch (thrown) {
          this.onError(thrown, named);
        }
      },
    });
    this.#subscriptions.add(subscription);
    return {
      close: () => {
        if (!this.#subscriptions.delete(subscription)) return;
        if (!subscription.isClosed()) subscription.unsubscribe();
      },
    };
  }

  #respond(message: Msg, reply: Reply): void {
    if (!this.#isClosed && !this.#connection.isClosed()) message.respond(packPayload(reply));
  }
}

async function answer(
  handler: (payload: unknown, subject: string) => Promise<unknown>,
  message: Msg,
  subject: string,
): Promise<Reply> {
  return [true, await handler(unpackPayload(message.data), subject)];
}

function refusal(thrown: unknown): Reply {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (thrown instanceof SluiceError) return [false, message, thrown.code];
  return [false, message, thrown instanceof BusError ? thrown.kind : undefined];
}

function payloadOf(message: Msg, subject: string): unknown {
  const reply = unpackPayload(message.data) as Reply; // only `serve` answers on these subjects
  if (reply[0]) return reply[1];
  throw new BusError("remote", subject, reply[1], reply[2] ?? undefined);
}

function busError(thrown: unknown, subject: string, { timeoutMs }: { readonly timeoutMs: number }): Error {
  if (thrown instanceof BusError) return thrown;
  if (thrown instanceof NoRespondersError || (thrown instanceof RequestError && thrown.isNoResponders()))
    return new BusError("no_responders", subject, `Nobody serves ${subject}.`);
  // Whatever else went wrong, the message may have been delivered.
  const why = thrown instanceof TimeoutError ? `within ${timeoutMs} ms` : `(${String(thrown)})`;
  return new BusError("timeout", subject, `No answer on ${subject} ${why}.`);
}

const closed = (subject: string): BusError => new BusError("closed", subject, "The bus is closed.");
const unreachable = (subject: string): BusError =>
  new BusError("no_responders", subject, "The connection to NATS is lost at the moment.");
