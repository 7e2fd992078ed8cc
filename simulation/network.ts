import { type Bus, BusError, type Subscription } from "../src/bus/bus.ts";
import { packPayload, unpackPayload } from "../src/bus/payload.ts";
import { covers, hasWildcard } from "../src/bus/subject.ts";
import { SluiceError } from "../src/core/errors.ts";
import type { NodeId } from "../src/core/ids.ts";
import { type Chance, never } from "./chance.ts";
import type { Process } from "./process.ts";

interface Listener {
  readonly node: NodeId;
  readonly process: Process;
  readonly handler: (payload: unknown, subject: string) => unknown;
}

interface Subscriber extends Listener {
  hears(subject: string): boolean;
}

/** NATS as processes see it: messages lost, late, doubled; nodes cut off; leaders that stall. */
export class Network {
  readonly cutOff = new Set<NodeId>();
  /** Stores and logs answer nothing before. */
  stalledUntil = 0;
  readonly #servers = new Map<string, Set<Listener>>();
  readonly #subscribers = new Set<Subscriber>();

  constructor(
    readonly chance: Chance,
    /** A planted bug may swallow what is published on a subject. */
    readonly swallows: (subject: string) => boolean,
  ) {}

  /** The bus of one process. */
  busOf(node: NodeId, process: Process): Bus {
    return {
      request: (subject, payload, options) =>
        this.#request(node, process, subject, payload, options.timeoutMs),
      serve: (subject, handler) => this.#serve(subject, { node, process, handler }),
      publish: (subject, payload) => this.#publish(node, subject, payload),
      subscribe: (subject, handler) => this.#subscribe(subject, { node, process, handler }),
      close: async () => {},
    };
  }

  /** A process that died listens no more. */
  forget(process: Process): void {
    for (const listeners of [this.#subscribers, ...this.#servers.values()]) {
      for (const listener of listeners) if (listener.process === process) listeners.delete(listener);
    }
  }

  #serve(subject: string, listener: Listener): Subscription {
    const servers = this.#servers.get(subject) ?? new Set();
    this.#servers.set(subject, servers);
    servers.add(listener);
    return { close: () => void servers.delete(listener) };
  }

  #subscribe(pattern: string, listener: Listener): Subscription {
    const hears = hasWildcard(pattern)
      ? (subject: string) => covers(pattern, subject)
      : (subject: string) => subject === pattern;
    const subscriber: Subscriber = { ...listener, hears };
    this.#subscribers.add(subscriber);
    return { close: () => void this.#subscribers.delete(subscriber) };
  }

  #request(
    from: NodeId,
    process: Process,
    subject: string,
    payload: unknown,
    timeoutMs: number,
  ): Promise<unknown> {
    const answered = this.#ask(from, subject, packPayload(payload));
    return process.reachWithin(timeoutMs, answered, () => new BusError("timeout", subject, "no answer"));
  }

  async #ask(from: NodeId, subject: string, bytes: Uint8Array): Promise<unknown> {
    const { chance } = this;
    if (this.cutOff.has(from)) throw nobodyAt(subject);
    if (chance.happens(chance.faults.lose)) return never();
    await chance.travel();
    const servers = [...(this.#servers.get(subject) ?? [])].filter(({ node }) => !this.cutOff.has(node));
    const server = servers[chance.below(servers.length)];
    if (server === undefined) throw nobodyAt(subject);
    const answered = await new Promise<{ readonly reply: unknown } | { readonly thrown: unknown }>(
      (resolve) => {
        server.process.deliver(() => {
          Promise.resolve()
            .then(() => server.handler(unpackPayload(bytes), subject))
            .then(
              (reply) => resolve({ reply: unpackPayload(packPayload(reply)) }),
              (thrown: unknown) => resolve({ thrown }),
            );
        });
      },
    );
    if (chance.happens(chance.faults.lose) || this.cutOff.has(server.node)) return never();
    await chance.travel();
    if (this.cutOff.has(from)) return never();
    if ("reply" in answered) return answered.reply;
    const { thrown } = answered;
    const code = thrown instanceof SluiceError ? thrown.code : undefined;
    throw new BusError("remote", subject, String(thrown), code);
  }

  #publish(from: NodeId, subject: string, payload: unknown): void {
    if (this.cutOff.has(from) || this.swallows(subject)) return;
    const bytes = packPayload(payload);
    const { chance } = this;
    for (const listener of this.#subscribers) {
      if (!listener.hears(subject)) continue;
      if (chance.happens(chance.faults.lose)) continue;
      const copies = chance.happens(chance.faults.double) ? 2 : 1;
      for (let copy = 0; copy < copies; copy += 1) void this.#carry(listener, subject, bytes);
    }
  }

  async #carry(listener: Subscriber, subject: string, bytes: Uint8Array): Promise<void> {
    await this.chance.travel();
    if (this.cutOff.has(listener.node) || !this.#subscribers.has(listener)) return;
    listener.process.deliver(() => void listener.handler(unpackPayload(bytes), subject));
  }
}

const nobodyAt = (subject: string): BusError => new BusError("no_responders", subject, "nobody");
