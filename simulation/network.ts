import { type Bus, BusError, type Subscription } from "../src/bus/bus.ts";
import { packPayload, unpackPayload } from "../src/bus/payload.ts";
import { covers } from "../src/bus/subject.ts";
import { SluiceError } from "../src/core/errors.ts";
import type { NodeId } from "../src/core/ids.ts";
import { type Chance, never } from "./chance.ts";
import type { Process } from "./process.ts";

interface Listener {
  readonly subject: string;
  readonly node: NodeId;
  readonly process: Process;
  readonly isServer: boolean;
  readonly handler: (payload: unknown, subject: string) => unknown;
}

/** NATS as processes see it: messages lost, late, doubled; nodes cut off; leaders that stall. */
export class Network {
  readonly cutOff = new Set<NodeId>();
  /** Stores and logs answer nothing before. */
  stalledUntil = 0;
  readonly #listeners = new Set<Listener>();

  constructor(
    readonly chance: Chance,
    /** A planted bug may swallow what is published on a subject. */
    readonly swallows: (subject: string) => boolean,
  ) {}

  /** The bus of one process. */
  busOf(node: NodeId, process: Process): Bus {
    const listen = (subject: string, isServer: boolean, handler: Listener["handler"]): Subscription => {
      const listener: Listener = { subject, node, process, isServer, handler };
      this.#listeners.add(listener);
      return { close: () => void this.#listeners.delete(listener) };
    };
    return {
      request: (subject, payload, options) =>
        this.#request(node, process, subject, payload, options.timeoutMs),
      serve: (subject, handler) => listen(subject, true, handler),
      publish: (subject, payload) => this.#publish(node, subject, payload),
      subscribe: (subject, handler) => listen(subject, false, handler),
      close: async () => {},
    };
  }

  /** A process that died listens no more. */
  forget(process: Process): void {
    for (const listener of this.#listeners)
      if (listener.process === process) this.#listeners.delete(listener);
  }

  #request(
    from: NodeId,
    process: Process,
    subject: string,
    payload: unknown,
    timeoutMs: number,
  ): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const cancel = process.clock.after(timeoutMs, () =>
      reject(new BusError("timeout", subject, "no answer")),
    );
    process
      .reach(this.#ask(from, subject, packPayload(payload)))
      .then(resolve, reject)
      .finally(cancel);
    return promise;
  }

  async #ask(from: NodeId, subject: string, bytes: Uint8Array): Promise<unknown> {
    const { chance } = this;
    const nobody = new BusError("no_responders", subject, "nobody");
    if (this.cutOff.has(from)) throw nobody;
    if (chance.happens(chance.faults.lose)) return never();
    await chance.travel();
    const servers = [...this.#listeners].filter(
      (listener) => listener.isServer && listener.subject === subject && !this.cutOff.has(listener.node),
    );
    const server = servers[chance.below(servers.length)];
    if (server === undefined) throw nobody;
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
    for (const listener of this.#listeners) {
      if (listener.isServer || !covers(listener.subject, subject)) continue;
      if (chance.happens(chance.faults.lose)) continue;
      const copies = chance.happens(chance.faults.double) ? 2 : 1;
      for (let copy = 0; copy < copies; copy += 1) void this.#carry(listener, subject, bytes);
    }
  }

  async #carry(listener: Listener, subject: string, bytes: Uint8Array): Promise<void> {
    await this.chance.travel();
    if (this.cutOff.has(listener.node) || !this.#listeners.has(listener)) return;
    listener.process.deliver(() => void listener.handler(unpackPayload(bytes), subject));
  }
}
