import { type BatchAck, JetStreamApiError, type JetStreamClient, type PubAck } from "@nats-io/jetstream";
import { headers, type NatsConnection, nuid } from "@nats-io/transport-node";
import { ROOT } from "./bus.ts";

/** How long the servers may take for one message or one batch; whoever waits for it decides what then. */
const APPEND_MS = 2_000;

/**
 * What a server writes, and what is on its way meanwhile. With more the batches are smaller and syncs more: with four the
 * words of 1,000 streams were 133 ms late, with two 28. Servers take 50 batches a stream, from all nodes together.
 */
const MOST_UNDER_WAY = 2;

/** Of one batch. Servers take 1,000 messages; more than these would only make the first of them wait for the last. */
const MOST_MESSAGES = 256;
const MOST_BYTES = 1024 * 1024;

/** "Wrong last sequence", and "another compare-and-set is in flight": somebody else was first. */
const LOST_THE_RACE: ReadonlySet<number> = new Set([10_071, 10_164]);

interface Append {
  readonly subject: string;
  readonly message: Uint8Array;
  readonly after: number;
  readonly taken: PromiseWithResolvers<number | undefined>;
}

export interface AppendBatchesOptions {
  readonly client: JetStreamClient;
  readonly connection: NatsConnection;
  readonly stream: string;
  /** The stream takes atomic batches. */
  readonly takesBatches: boolean;
}

/**
 * Appends to many subjects of one stream, each behind its own last message. What a server syncs to its disk it syncs once
 * a batch: a few messages go by themselves, at once; what comes while these are under way goes together as soon as one is
 * back. A batch is taken whole or not at all, so one that is refused is sent again message by message, and each finds out
 * for itself. What waits is bounded by who appends: a stream has one message under way.
 */
export class AppendBatches {
  #waiting: Append[] = [];
  #underWay = 0;

  constructor(readonly options: AppendBatchesOptions) {}

  /** As `SubjectLog.append`. */
  append(subject: string, message: Uint8Array, after: number): Promise<number | undefined> {
    const append = { subject, message, after, taken: Promise.withResolvers<number | undefined>() };
    if (!this.options.takesBatches) return this.#sendOne(append);
    this.#waiting.push(append);
    this.#sendOn();
    return append.taken.promise;
  }

  #sendOn(): void {
    while (this.#underWay < MOST_UNDER_WAY && this.#waiting.length > 0) void this.#send(this.#nextBatch());
  }

  /** No subject twice: the second must know the first one's number. */
  #nextBatch(): readonly Append[] {
    const subjects = new Set<string>();
    let bytes = 0;
    const end = this.#waiting.findIndex(({ subject, message }, index) => {
      bytes += message.length;
      const isFull = index === MOST_MESSAGES || (index > 0 && bytes > MOST_BYTES) || subjects.has(subject);
      subjects.add(subject);
      return isFull;
    });
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }

  async #send(batch: readonly Append[]): Promise<void> {
    this.#underWay += 1;
    try {
      await this.#deliver(batch);
    } finally {
      this.#underWay -= 1;
      this.#sendOn();
    }
  }

  /** Never rejects: each append is told. */
  async #deliver(batch: readonly Append[]): Promise<void> {
    if (batch.length === 1) return this.#deliverEach(batch);
    try {
      const first = await this.#sendTogether(batch);
      for (const [index, { taken }] of batch.entries()) taken.resolve(first + index);
    } catch (thrown) {
      if (thrown instanceof JetStreamApiError) return this.#deliverEach(batch);
      for (const { taken } of batch) taken.reject(thrown);
      this.#giveUpWaiting(thrown);
    }
  }

  async #deliverEach(appends: readonly Append[]): Promise<void> {
    await Promise.all(
      appends.map(async (append) => {
        try {
          append.taken.resolve(await this.#sendOne(append));
        } catch (thrown) {
          append.taken.reject(thrown);
          if (!(thrown instanceof JetStreamApiError)) this.#giveUpWaiting(thrown);
        }
      }),
    );
  }

  /** Nobody answers: whoever waits for a turn would wait as long again to find that out. */
  #giveUpWaiting(reason: unknown): void {
    for (const { taken } of this.#waiting.splice(0)) taken.reject(reason);
  }

  /** Answers the number of the first; the others follow it without a gap. */
  async #sendTogether(batch: readonly Append[]): Promise<number> {
    const { client, connection, stream } = this.options;
    const id = nuid.next();
    for (const [index, { subject, message, after }] of batch.entries()) {
      const about = headers();
      about.set("Nats-Batch-Id", id);
      about.set("Nats-Batch-Sequence", String(index + 1));
      const isLast = index === batch.length - 1;
      if (!isLast) {
        about.set("Nats-Expected-Stream", stream);
        about.set("Nats-Expected-Last-Subject-Sequence", String(after));
        connection.publish(ROOT + subject, message, { headers: about });
        continue;
      }
      about.set("Nats-Batch-Commit", "1");
      const ack: Partial<BatchAck> & PubAck = await client.publish(ROOT + subject, message, {
        headers: about,
        timeout: APPEND_MS,
        retries: 0,
        expect: { streamName: stream, lastSubjectSequence: after },
      });
      // A server that knows no batches takes messages as they come: where each is, is to be looked up.
      if (ack.count !== batch.length) throw new Error("a batch was not taken as one");
      return ack.seq - index;
    }
    throw new Error("a batch holds messages");
  }

  async #sendOne({ subject, message, after }: Append): Promise<number | undefined> {
    const { client, stream } = this.options;
    try {
      const { seq } = await client.publish(ROOT + subject, message, {
        timeout: APPEND_MS,
        retries: 0,
        expect: { streamName: stream, lastSubjectSequence: after },
      });
      return seq;
    } catch (thrown) {
      if (thrown instanceof JetStreamApiError && LOST_THE_RACE.has(thrown.code)) return undefined;
      throw thrown;
    }
  }
}
