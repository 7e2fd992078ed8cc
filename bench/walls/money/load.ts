import type { Random } from "../../../src/core/random.ts";
import { seededRandom } from "../../../src/core/random.ts";
import type { ClientRecord } from "./books.ts";
import { ask, type Payer, type Question } from "./client.ts";

export interface LoadOptions {
  readonly seed: number;
  readonly clients: number;
  /** One balance that half of the clients spend together. */
  readonly big: Payer;
  /** Balances of a few requests each, for the other half. */
  readonly small: readonly Payer[];
  readonly model: string;
  readonly urls: readonly string[];
  /** Some questions carry an `Idempotency-Key` and are asked again under it when no whole answer came. */
  readonly withIdempotency: boolean;
}

export interface Load {
  readonly records: readonly ClientRecord[];
  /** Ends it when every client has its answer. */
  stop(): Promise<void>;
}

/** On average; together with what an answer takes, a rate that leaves a small machine room. */
const PAUSE_MS = 150;
/** Some go away while the answer is still on its way. */
const PATIENCE = { leastMs: 1_500, mostMs: 12_000 };
const STREAMED = 0.4;
const IDEMPOTENT = 0.2;
/** A client whose answer did not come whole asks once more, at another node. */
const MOST_TRIES = 2;
/** Without an idempotency key, so many go away with what they have. */
const GIVES_UP = 0.5;

/** Clients that ask, each at any node, until they are stopped. */
export function startLoad(options: LoadOptions): Load {
  const { seed, clients, big, small, urls } = options;
  const records: ClientRecord[] = [];
  let isOver = false;
  let number = 0;
  const work = async (client: number): Promise<void> => {
    const random = seededRandom(seed * 1_000 + client);
    while (!isOver) {
      const payer = client % 2 === 0 ? big : (pick(small, random) ?? big);
      number += 1;
      await askUntilWhole(options, { payer, number, random }, urls, records);
      await Bun.sleep(random.next() * 2 * PAUSE_MS);
    }
  };
  const working = Array.from({ length: clients }, (_, client) => work(client));
  return {
    records,
    async stop() {
      isOver = true;
      await Promise.all(working);
    },
  };
}

interface Turn {
  readonly payer: Payer;
  readonly number: number;
  readonly random: Random;
}

async function askUntilWhole(
  { model, withIdempotency }: LoadOptions,
  { payer, number, random }: Turn,
  urls: readonly string[],
  records: ClientRecord[],
): Promise<void> {
  const once = withIdempotency && random.next() < IDEMPOTENT ? `once-${payer.tenant}-${number}` : undefined;
  const isStream = random.next() < STREAMED;
  let at = Math.floor(random.next() * urls.length);
  for (let tries = 1; tries <= MOST_TRIES; tries += 1) {
    // Under one key it is the same body; without, it is a question of its own.
    const name = once === undefined && tries > 1 ? `${number}.${tries}` : number;
    const question: Question = {
      payer,
      number: name,
      model,
      isStream,
      patienceMs: PATIENCE.leastMs + random.next() * (PATIENCE.mostMs - PATIENCE.leastMs),
      ...(once === undefined ? {} : { idempotencyKey: once }),
    };
    const record = await ask(urls[at] ?? "", question);
    records.push(record);
    if (record.seen === "served" || (record.seen === "refused" && record.status < 500)) return;
    if (once === undefined && random.next() < GIVES_UP) return;
    at = (at + 1) % urls.length;
  }
}

const pick = <Item>(items: readonly Item[], random: Random): Item | undefined =>
  items[Math.floor(random.next() * items.length)];

/** For a line of progress. */
export function progressOf(records: readonly ClientRecord[], ms: number): string {
  const count = (seen: ClientRecord["seen"]): number => records.filter((one) => one.seen === seen).length;
  return `${Math.round(ms / 1_000)} s: ${count("served")} served, ${count("refused")} refused, ${count("cut")} cut, ${count("lost")} without an answer`;
}
