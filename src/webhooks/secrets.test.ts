import { afterEach, beforeEach, expect, test } from "bun:test";
import { Webhook } from "standardwebhooks";
import { systemClock } from "../core/clock.ts";
import { silentLog } from "../core/log.ts";
import { seededRandom, systemRandom } from "../core/random.ts";
import { createSeal, type Seal } from "../ledger/sealed.ts";
import { type SmallLedger, smallLedger, tenant } from "../ledger/testing/small-ledger.ts";
import type { Outbound, OutboundCall } from "../outbound/outbound.ts";
import { createDeliveries } from "./deliveries.ts";
import { createOutbox } from "./outbox.ts";
import { createWebhookSecrets } from "./secrets.ts";
import { startSender } from "./sender.ts";

let ledger: SmallLedger;
beforeEach(async () => {
  ledger = await smallLedger();
});
afterEach(() => ledger.drop());

const sealUnder = (master: number): Seal => createSeal(new Uint8Array(32).fill(master), systemRandom);

/** Sends what is due once, and what it sent. */
async function sentBy(master: number): Promise<readonly OutboundCall[]> {
  const calls: OutboundCall[] = [];
  const outbound: Outbound = {
    async fetch(call) {
      calls.push(call);
      return { status: 200, headers: new Headers(), body: new Blob([]).stream() };
    },
  };
  const seal = sealUnder(master);
  const sender = startSender({
    deliveries: createDeliveries(ledger.sql, seal),
    secrets: createWebhookSecrets(ledger.sql, seal, systemRandom),
    outbound,
    clock: { ...systemClock, every: () => () => {} },
    random: seededRandom(1),
    log: silentLog,
  });
  sender.wake();
  await sender.whenIdle();
  await sender.close();
  return calls;
}

test("a secret that a new master secret cannot open is told, sends nothing unsigned, and is replaced", async () => {
  await createWebhookSecrets(ledger.sql, sealUnder(5), systemRandom).current(tenant);
  const secrets = createWebhookSecrets(ledger.sql, sealUnder(6), systemRandom);
  await expect(secrets.current(tenant)).rejects.toMatchObject({ code: "conflict" });

  const deliveries = createDeliveries(ledger.sql, sealUnder(6));
  const outbox = createOutbox({ deliveries, clock: systemClock, random: systemRandom, wake() {} });
  const url = "https://shop.test/hook";
  const id = await outbox.enqueue(ledger.sql, { tenant, url, event: "task.succeeded", data: { id: "t" } });
  expect(await sentBy(6)).toHaveLength(0);
  // It waits as for a receiver that is away, and is given up like that.
  expect(await deliveries.find(tenant, id)).toMatchObject({
    state: "pending",
    attempts: 1,
    lastError: expect.stringContaining("cannot be read"),
  });

  const made = await secrets.rotate(tenant);
  expect(made.previous).toBeUndefined();
  expect(await secrets.current(tenant)).toEqual(made);
  await ledger.sql`update webhook_delivery set next_at = now()`;
  const [call] = await sentBy(6);
  expect(new Webhook(made.secret).verify(call?.body ?? "", { ...call?.headers })).toBeObject();
  expect(await deliveries.find(tenant, id)).toMatchObject({ state: "delivered" });
});

test("a tenant's backlog is bounded: what comes beyond says so, and can be sent again by hand", async () => {
  const deliveries = createDeliveries(ledger.sql, sealUnder(5), 2);
  const outbox = createOutbox({ deliveries, clock: systemClock, random: systemRandom, wake() {} });
  const enqueue = () =>
    outbox.enqueue(ledger.sql, { tenant, url: "https://shop.test/hook", event: "task.failed", data: {} });
  const [, , third] = [await enqueue(), await enqueue(), await enqueue()];
  expect(await deliveries.find(tenant, third)).toMatchObject({
    state: "undeliverable",
    attempts: 0,
    lastError: expect.stringContaining("Too many"),
  });
  expect(await sentBy(5)).toHaveLength(2);
  await deliveries.resend(tenant, third, 60_000);
  expect(await sentBy(5)).toHaveLength(1);
  expect(await deliveries.find(tenant, third)).toMatchObject({ state: "delivered" });
});
