import type { Clock } from "../core/clock.ts";
import { SluiceError } from "../core/errors.ts";
import { type Bus, BusError, type Subscription } from "./bus.ts";
import { packPayload, unpackPayload } from "./payload.ts";
import { covers, hasWildcard } from "./subject.ts";

/** Requests waiting for an answer before new ones are refused: a bound on memory, far above what a node asks. */
const MAX_PENDING = 65_536;

type Handler = (payload: unknown, subject: string) => unknown;

export interface InProcessBusOptions {
  readonly clock: Clock;
  /** Told what a subscriber threw: a message to nobody in particular has nobody to answer. */
  readonly onError?: (thrown: unknown, subject: string) => void;
}

/** The bus of a single node. Messages are delivered in order, never in the caller's own stack. */
export function createInProcessBus({ clock, onError = () => {} }: InProcessBusOptions): Bus {
  return new InProcessBus(clock, onError);
}

class InProcessBus implements Bus {
  readonly #servers = new Listeners();
  readonly #subscribers = new Listeners();
  readonly #pending = new Set<(error: BusError) => void>();
  #isClosed = false;

  constructor(
    readonly clock: Clock,
    readonly onError: (thrown: unknown, subject: string) => void,
  ) {}

  request(subject: string, payload: unknown, options: { readonly timeoutMs: number }): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(closed(subject));
    if (this.#pending.size >= MAX_PENDING) {
      return Promise.reject(new SluiceError("overloaded", "Too many internal requests are waiting."));
    }
    const bytes = packPayload(payload);
    return new Promise((resolve, reject) => {
      const settle = (): boolean => {
        cancel();
        return this.#pending.delete(fail);
      };
      const fail = (error: Error): void => {
        if (settle()) reject(error);
      };
      const cancel = this.clock.after(options.timeoutMs, () =>
        fail(new BusError("timeout", subject, `No answer on ${subject} within ${options.timeoutMs} ms.`)),
      );
      this.#pending.add(fail);
      queueMicrotask(() => {
        const server = this.#servers.next(subject);
        if (server === undefined) {
          fail(new BusError("no_responders", subject, `Nobody serves ${subject}.`));
          return;
        }
        answer(server, bytes, subject).then(
          (reply) => {
            if (settle()) resolve(unpackPayload(reply));
          },
          (thrown: unknown) => fail(remote(subject, thrown)),
        );
      });
    });
  }

  serve(subject: string, handler: (payload: unknown, subject: string) => Promise<unknown>): Subscription {
    return this.#servers.add(subject, handler);
  }

  publish(subject: string, payload: unknown): void {
    if (this.#isClosed) return;
    const bytes = packPayload(payload);
    queueMicrotask(() => {
      for (const handler of this.#subscribers.all(subject)) {
        try {
          handler(unpackPayload(bytes), subject);
        } catch (thrown) {
          this.onError(thrown, subject);
        }
      }
    });
  }

  subscribe(subject: string, handler: (payload: unknown, subject: string) => void): Subscription {
    return this.#subscribers.add(subject, handler);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#servers.clear();
    this.#subscribers.clear();
    for (const fail of [...this.#pending]) fail(closed("*"));
    return Promise.resolve();
  }
}

/** Handlers by subject; exact ones are found without looking at the others. */
class Listeners {
  readonly #exact = new Map<string, Handler[]>();
  readonly #patterns: { readonly pattern: string; readonly handler: Handler }[] = [];
  #turn = 0;

  add(pattern: string, handler: Handler): Subscription {
    if (!hasWildcard(pattern)) return this.#addExact(pattern, handler);
    const entry = { pattern, handler };
    this.#patterns.push(entry);
    return { close: () => removeFrom(this.#patterns, entry) };
  }

  #addExact(subject: string, handler: Handler): Subscription {
    const handlers = this.#exact.get(subject) ?? [];
    this.#exact.set(subject, handlers);
    handlers.push(handler);
    return {
      close: () => {
        removeFrom(handlers, handler);
        if (handlers.length === 0 && this.#exact.get(subject) === handlers) this.#exact.delete(subject);
      },
    };
  }

  all(subject: string): Handler[] {
    const matching = this.#patterns.filter(({ pattern }) => covers(pattern, subject));
    return [...(this.#exact.get(subject) ?? []), ...matching.map(({ handler }) => handler)];
  }

  /** One of those who listen, in turn. */
  next(subject: string): Handler | undefined {
    const handlers = this.all(subject);
    this.#turn += 1;
    return handlers[this.#turn % handlers.length];
  }

  clear(): void {
    this.#exact.clear();
    this.#patterns.length = 0;
  }
}

async function answer(handler: Handler, bytes: Uint8Array, subject: string): Promise<Uint8Array> {
  return packPayload(await handler(unpackPayload(bytes), subject));
}

function remote(subject: string, thrown: unknown): BusError {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new BusError("remote", subject, message, codeOf(thrown));
}

function codeOf(thrown: unknown): string | undefined {
  if (thrown instanceof SluiceError) return thrown.code;
  return thrown instanceof BusError ? thrown.kind : undefined;
}

const closed = (subject: string): BusError => new BusError("closed", subject, "The bus is closed.");

function removeFrom<T>(list: T[], item: T): void {
  const index = list.indexOf(item);
  if (index >= 0) list.splice(index, 1);
}
