import { JetStreamApiError, type StreamConfig } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import { type Clock, sleep } from "../../core/clock.ts";
import type { Subscription } from "../bus.ts";
import type { KeyValue, KeyValueEntry } from "../key-value.ts";
import type { NatsLink } from "./connect.ts";
import { requireSettings } from "./read-back.ts";
import { throughElection } from "./through-election.ts";

export interface NatsKeyValueOptions {
  readonly link: NatsLink;
  readonly clock: Clock;
  readonly bucket: string;
  readonly ageMs: number;
  readonly replicas: number;
  /** Told why the watch began anew. */
  readonly onError: (thrown: unknown) => void;
}

/** "Wrong last sequence", and "another compare-and-set is in flight": in both cases somebody else was first. */
const LOST_THE_RACE: ReadonlySet<number> = new Set([10_071, 10_164]);

const WATCH_AGAIN_MS = 1_000;
const MOST_VALUE_BYTES = 4_096;

/**
 * Opens (or makes) a bucket.
 * @throws Error when the server did not keep a setting that was asked for
 */
export async function openNatsKeyValue(options: NatsKeyValueOptions): Promise<KeyValue> {
  const { link, clock, bucket, ageMs, replicas, onError } = options;
  const { store, streamInfo } = await throughElection(clock, async () => {
    const store = await new Kvm(link.connection).create(bucket, {
      history: 1,
      ttl: ageMs,
      replicas,
      maxValueSize: MOST_VALUE_BYTES,
    });
    return { store, streamInfo: (await store.status()).streamInfo };
  });
  const wanted: Partial<StreamConfig> = {
    max_age: ageMs * 1_000_000,
    num_replicas: replicas,
    max_msgs_per_subject: 1,
  };
  requireSettings(`bucket ${bucket}`, wanted, streamInfo.config);
  return {
    ageMs,
    create: (key, value) => ifFirst(store.create(key, value)),
    update: (key, value, revision) => ifFirst(store.update(key, value, revision)),
    async delete(key, revision) {
      const done = store.delete(key, { previousSeq: revision }).then(() => true);
      return (await ifFirst(done)) ?? false;
    },
    watch: (onChange) => watch(store, clock, onChange, onError),
  };
}

async function ifFirst<Value>(writing: Promise<Value>): Promise<Value | undefined> {
  try {
    return await writing;
  } catch (thrown) {
    if (thrown instanceof JetStreamApiError && LOST_THE_RACE.has(thrown.code)) return undefined;
    throw thrown;
  }
}

type OnChange = (key: string, entry: KeyValueEntry | undefined) => void;

/** Watches until it is closed; a watch that broke is made anew and tells everything again. */
function watch(
  store: KV,
  clock: Clock,
  onChange: OnChange,
  onError: (thrown: unknown) => void,
): Subscription {
  let stop: (() => void) | undefined;
  let isClosed = false;
  const follow = async (): Promise<void> => {
    const changes = await store.watch();
    stop = () => changes.stop();
    if (isClosed) stop();
    for await (const { key, operation, value, revision } of changes) {
      onChange(key, operation === "PUT" ? { value, revision } : undefined);
    }
  };
  const keepFollowing = async (): Promise<void> => {
    while (!isClosed) {
      await follow().catch((thrown: unknown) => {
        if (!isClosed) onError(thrown);
      });
      if (!isClosed) await sleep(clock, WATCH_AGAIN_MS);
    }
  };
  void keepFollowing();
  return {
    close() {
      isClosed = true;
      stop?.();
    },
  };
}
