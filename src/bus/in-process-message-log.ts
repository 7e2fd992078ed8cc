import { type Clock, sleep } from "../core/clock.ts";
import { type Consumption, type Handler, type MessageLog, restBeforeDelivery } from "./message-log.ts";

export interface InProcessMessageLog extends MessageLog {
  /** Loses every message, as a cluster may that lost its disks. */
  lose(): void;
}

/** Messages of one subject kept; the oldest go first, as they do in a cluster. */
const KEPT = 10_000;
const MAX_BYTES = 1024 * 1024;

/** A subject's messages, numbered from 0. */
interface Stored {
  first: number;
  readonly messages: Uint8Array[];
  /** Where the consumers of each name are. */
  readonly places: Map<string, Place>;
}

interface Place {
  next: number;
  deliveries: number;
  /** One consumer of a name hands on at a time. */
  isBusy: boolean;
  readonly wakers: Set<() => void>;
}

/** A log for nodes that share one process: what tests and a simulator stand on. */
export function createInProcessMessageLog(clock: Clock): InProcessMessageLog {
  const subjects = new Map<string, Stored>();
  const storedAt = (subject: string): Stored => {
    const known = subjects.get(subject);
    if (known !== undefined) return known;
    const made: Stored = { first: 0, messages: [], places: new Map() };
    subjects.set(subject, made);
    return made;
  };
  return {
    maxBytes: MAX_BYTES,
    async append(subject, message) {
      const stored = storedAt(subject);
      stored.messages.push(message.slice());
      if (stored.messages.length > KEPT) dropTo(stored, stored.first + 1);
      for (const place of stored.places.values()) wake(place);
    },
    consume: (name, subject, handler) => consume(clock, storedAt(subject), name, handler),
    async subjects() {
      return [...subjects].filter(([, { messages }]) => messages.length > 0).map(([subject]) => subject);
    },
    lose() {
      for (const stored of subjects.values()) dropTo(stored, stored.first + stored.messages.length);
    },
  };
}

function dropTo(stored: Stored, first: number): void {
  stored.messages.splice(0, first - stored.first);
  stored.first = first;
}

function wake({ wakers }: Place): void {
  for (const run of [...wakers]) run();
}

function consume(clock: Clock, stored: Stored, name: string, handler: Handler): Consumption {
  const place = stored.places.get(name) ?? { next: 0, deliveries: 0, isBusy: false, wakers: new Set() };
  stored.places.set(name, place);
  let isClosed = false;
  let isRunning = false;
  const ended = Promise.withResolvers<void>();

  const handOn = async (): Promise<void> => {
    place.next = Math.max(place.next, stored.first);
    const number = place.next;
    const message = stored.messages[number - stored.first];
    if (message === undefined) return;
    place.deliveries += 1;
    try {
      await handler(message, place.deliveries);
      place.next = Math.max(place.next, number + 1);
      place.deliveries = 0;
    } catch {
      await sleep(clock, restBeforeDelivery(place.deliveries));
    }
  };
  const run = async (): Promise<void> => {
    // Never in the stack of whoever appends.
    await Promise.resolve();
    if (place.isBusy || isClosed) return;
    place.isBusy = true;
    isRunning = true;
    while (!isClosed && place.next < stored.first + stored.messages.length) await handOn();
    place.isBusy = false;
    isRunning = false;
    if (!isClosed) return;
    ended.resolve();
    // Another consumer of this name goes on where this one was.
    wake(place);
  };
  const waker = (): void => void run();
  place.wakers.add(waker);
  waker();
  return {
    ended: ended.promise,
    close() {
      isClosed = true;
      place.wakers.delete(waker);
      if (!isRunning) ended.resolve();
    },
  };
}
