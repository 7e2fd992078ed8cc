import { afterEach, beforeEach, expect, test } from "bun:test";
import { requestId } from "../core/ids.ts";
import { silentLog } from "../core/log.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { seededRandom } from "../core/random.ts";
import { createIdempotencyLedger, RUN_LEASE_MS } from "../ledger/idempotency.ts";
import { createSeal } from "../ledger/sealed.ts";
import { node } from "../ledger/testing/records.ts";
import { type SmallLedger, smallLedger, tenant } from "../ledger/testing/small-ledger.ts";
import { createIdempotency, MOST_KEPT_BYTES } from "./idempotent.ts";

let ledger: SmallLedger;
beforeEach(async () => {
  ledger = await smallLedger();
});
afterEach(() => ledger.drop());

/** Runs `answer` under a key, lets its lease end, and comes with the key again; says what then, and whose charges are void. */
async function after(answer: () => Response) {
  const seal = createSeal(new Uint8Array(32).fill(7), seededRandom(1));
  const kept = createIdempotencyLedger(ledger.sql, node, seal);
  const clock = new ManualClock();
  const renewed: string[] = [];
  const watched = { ...kept, renew: async (requests: readonly string[]) => void renewed.push(...requests) };
  const idempotency = createIdempotency({ ledger: watched, clock, log: silentLog });
  const about = { tenant, request: requestId("one"), fingerprint: "f", signal: new AbortController().signal };
  const given = await idempotency.once("key", about, async () => answer());
  await given.bytes();
  await ledger.sql`update idempotency set lease_until = now() - interval '1 second'`;
  await clock.advance(RUN_LEASE_MS);
  const next = await kept.claim({ tenant, key: "key", fingerprint: "f", request: requestId("two") });
  idempotency.close();
  const superseded = await ledger.sql<{ request: string }[]>`select request from superseded`;
  return { next: next.kind, renewed, superseded: superseded.map(({ request }) => request) };
}

const large = (): Uint8Array => new Uint8Array(MOST_KEPT_BYTES + 1).fill(0x20);

test("an answer too large to be kept is charged once: the run after it takes its place", async () => {
  expect(await after(() => new Response(large()))).toEqual({
    next: "claimed",
    renewed: [],
    superseded: ["one"],
  });
});

test("a stream too large to be kept does not make its key free for a second charge", async () => {
  const END = ': sluice {"outcome":"completed","cost":"0.5"}\n\n';
  const headers = { "content-type": "text/event-stream" };
  const stream = () => new Response(Buffer.concat([large(), Buffer.from(`\n${END}`)]), { headers });
  expect(await after(stream)).toEqual({ next: "claimed", renewed: [], superseded: ["one"] });
});
