import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Server } from "bun";
import { Webhook } from "standardwebhooks";
import { systemClock } from "../core/clock.ts";
import { SluiceError } from "../core/errors.ts";
import { tenantId, type WebhookId } from "../core/ids.ts";
import { silentLog } from "../core/log.ts";
import { ZERO } from "../core/points.ts";
import { seededRandom, systemRandom } from "../core/random.ts";
import { createSeal } from "../ledger/sealed.ts";
import { createTenants } from "../ledger/tenants.ts";
import { type SmallLedger, smallLedger, tenant } from "../ledger/testing/small-ledger.ts";
import { createAllowance } from "../outbound/allowance.ts";
import { createOutbound } from "../outbound/guarded-fetch.ts";
import type { Outbound } from "../outbound/outbound.ts";
import { systemResolve } from "../outbound/system-resolver.ts";
import { createDeliveries, type Deliveries } from "./deliveries.ts";
import { createOutbox } from "./outbox.ts";
import { TRIED_FOR_MS, waitAfter } from "./retries.ts";
import { createWebhookSecrets, type WebhookSecrets } from "./secrets.ts";
import { AT_ONCE_PER_HOST, AT_ONCE_PER_TENANT, LEASE_MS, type Sender, startSender } from "./sender.ts";
import { isSecret, newSecret, signedHeaders } from "./signature.ts";
import type { NewWebhook, Webhooks } from "./webhooks.ts";

const other = tenantId("other");
interface Received {
  readonly headers: Record<string, string>;
  readonly body: string;
}

let ledger: SmallLedger;
let deliveries: Deliveries;
let secrets: WebhookSecrets;
let webhooks: Webhooks;
let senders: Sender[];
let receiver: Server<undefined>;
let received: Received[];
let respond: (request: Request) => Response | Promise<Response>;

beforeEach(async () => {
  ledger = await smallLedger();
  await createTenants(ledger.sql).create({ id: other, name: "Other", tier: "normal", overdraft: ZERO });
  const seal = createSeal(new Uint8Array(32).fill(5), systemRandom);
  deliveries = createDeliveries(ledger.sql, seal);
  secrets = createWebhookSecrets(ledger.sql, seal, systemRandom);
  senders = [];
  webhooks = createOutbox({
    deliveries,
    clock: systemClock,
    random: systemRandom,
    wake: () => senders[0]?.wake(),
  });
  received = [];
  respond = () => new Response("thanks");
  receiver = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      received.push({ headers: Object.fromEntries(request.headers), body: await request.text() });
      return respond(request);
    },
  });
});
afterEach(async () => {
  await receiver.stop(true);
  await Promise.all(senders.map((sender) => sender.close()));
  await ledger.drop();
});

const loopback = createOutbound({
  clock: systemClock,
  allowance: createAllowance(["127.0.0.1", "localhost"]),
  resolve: systemResolve,
});

function sender(outbound: Outbound = loopback): Sender {
  const made = startSender({
    deliveries,
    secrets,
    outbound,
    // Looks only when it is woken.
    clock: { ...systemClock, every: () => () => {} },
    random: seededRandom(1),
    log: silentLog,
  });
  senders.push(made);
  return made;
}

const urlOf = (path = "/hook") => `http://127.0.0.1:${receiver.port}${path}`;
const enqueue = (message: Partial<NewWebhook> = {}): Promise<WebhookId> =>
  webhooks.enqueue(ledger.sql, {
    tenant,
    url: urlOf(),
    event: "task.completed",
    data: { id: "task_1", note: "ä" },
    ...message,
  });
const stateOf = async (id: WebhookId) => {
  const found = await deliveries.find(tenant, id);
  return [found?.state, found?.attempts, found?.lastStatus];
};
const makeDue = () => ledger.sql`update webhook_delivery set next_at = now() where state = 'pending'`;
async function round(one: Sender): Promise<void> {
  one.wake();
  await one.whenIdle();
}

describe("a message", () => {
  test("is sent once, and passes the published reader of Standard Webhooks", async () => {
    const id = await enqueue({ at: Date.UTC(2026, 0, 2) });
    const one = sender();
    await round(one);
    await round(one);
    expect(await stateOf(id)).toEqual(["delivered", 1, 200]);
    expect(received).toHaveLength(1);
    const { headers, body } = received[0] ?? { headers: {}, body: "" };
    expect(headers["webhook-id"]).toBe(id);
    expect(headers["content-type"]).toBe("application/json");
    const { secret } = await secrets.current(tenant);
    expect(new Webhook(secret).verify(body, headers)).toEqual({
      type: "task.completed",
      timestamp: "2026-01-02T00:00:00.000Z",
      data: { id: "task_1", note: "ä" },
    });
    expect(() => new Webhook(secret).verify(body.replace("task_1", "task_2"), headers)).toThrow();
    const foreign = await secrets.current(other);
    expect(() => new Webhook(foreign.secret).verify(body, headers)).toThrow();
  });

  test("for another dialect is the thing itself, signed all the same", async () => {
    await enqueue({ isBare: true, data: { id: "task_1", status: "SUCCESS" } });
    await round(sender());
    const { headers, body } = received.at(-1) ?? { headers: {}, body: "" };
    const { secret } = await secrets.current(tenant);
    expect(new Webhook(secret).verify(body, headers)).toEqual({ id: "task_1", status: "SUCCESS" });
  });

  test("is signed as the specification's own example", () => {
    const headers = signedHeaders("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330_000, '{"test": 2432232314}', [
      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ]);
    expect(headers["webhook-signature"]).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  });

  test("with a secret of its own is signed by that alone", async () => {
    const secret = newSecret(systemRandom);
    await enqueue({ secret });
    await round(sender());
    const [first] = received;
    expect(new Webhook(secret).verify(first?.body ?? "", first?.headers ?? {})).toBeObject();
    expect(first?.headers["webhook-signature"]?.split(" ")).toHaveLength(1);
  });

  test("belongs to the transaction that tells what it tells", async () => {
    const rolledBack = ledger.sql.begin(async (own) => {
      await webhooks.enqueue(own, { tenant, url: urlOf(), event: "task.failed", data: {} });
      throw new Error("no");
    });
    await expect(rolledBack).rejects.toThrow("no");
    expect(await deliveries.list(tenant, { limit: 10 })).toEqual([]);
    const id = await ledger.sql.begin((own) =>
      webhooks.enqueue(own, { tenant, url: urlOf(), event: "task.failed", data: {} }),
    );
    expect((await deliveries.list(tenant, { limit: 10 })).map((one) => one.id)).toEqual([id]);
  });

  test("cannot be read in the database, nor by another tenant", async () => {
    const id = await enqueue({ url: urlOf("/hook?token=hidden") });
    const [row] = await ledger.sql`select *, encode(content, 'escape') as shown from webhook_delivery`;
    expect(JSON.stringify(row)).not.toContain("task_1");
    expect(JSON.stringify(row)).not.toContain("hidden");
    expect(await deliveries.find(other, id)).toBeUndefined();
    expect(await deliveries.resend(other, id, TRIED_FOR_MS)).toBeUndefined();
    expect(await deliveries.list(other, { limit: 10 })).toEqual([]);
  });

  test("to what can be no target is refused with the field's name", () => {
    for (const url of ["ftp://example.com", "http://a:b@example.com", "nonsense"]) {
      expect(() => webhooks.checkUrl(url, "webhook.url")).toThrow(SluiceError);
    }
    webhooks.checkUrl("https://example.com/hook?x=1", "webhook.url");
    expect(() => webhooks.checkSecret("whsec_short", "webhook.secret")).toThrow("whsec_");
  });
});

describe("what is not taken", () => {
  test("is sent again under the same id, later each time, until it is", async () => {
    const id = await enqueue();
    const one = sender();
    respond = () => new Response("not now", { status: 503 });
    await round(one);
    expect(await stateOf(id)).toEqual(["pending", 1, 503]);
    await round(one);
    expect(received).toHaveLength(1);
    await makeDue();
    await round(one);
    expect(await stateOf(id)).toEqual(["pending", 2, 503]);
    respond = () => new Response(null, { status: 204 });
    await makeDue();
    await round(one);
    expect(await stateOf(id)).toEqual(["delivered", 3, 204]);
    expect(new Set(received.map(({ headers }) => headers["webhook-id"]))).toEqual(new Set([id]));
  });

  test("waits longer after each attempt, spread, and as long as the receiver asks within an hour", () => {
    const middle = { next: () => 0.5, bytes: () => new Uint8Array() };
    const seconds = [1, 2, 3, 4, 5, 6, 7, 50].map((attempts) => waitAfter(attempts, middle) / 1_000);
    expect(seconds).toEqual([5, 30, 120, 600, 1_800, 3_600, 3_600, 3_600]);
    expect(waitAfter(1, { ...middle, next: () => 0 })).toBe(4_000);
    expect(waitAfter(1, { ...middle, next: () => 1 })).toBe(6_000);
    expect(waitAfter(1, middle, 60_000)).toBe(60_000);
    expect(waitAfter(1, middle, 86_400_000)).toBe(3_600_000);
  });

  test("a redirect is no delivery, and is not followed", async () => {
    const id = await enqueue();
    respond = () => new Response(null, { status: 302, headers: { location: urlOf("/elsewhere") } });
    await round(sender());
    expect(await stateOf(id)).toEqual(["pending", 1, 302]);
    expect(received).toHaveLength(1);
  });

  test("is given up when its time is over, and at once where nobody wants it any more", async () => {
    const [late, gone] = [await enqueue(), await enqueue()];
    respond = ({ headers }) => new Response(null, { status: headers.get("webhook-id") === gone ? 410 : 500 });
    await ledger.sql`update webhook_delivery set give_up_at = now() + interval '1 second'`;
    await round(sender());
    expect(await stateOf(late)).toEqual(["undeliverable", 1, 500]);
    expect(await stateOf(gone)).toEqual(["undeliverable", 1, 410]);
  });

  test("an address inside is never reached, and nothing is told of it", async () => {
    const id = await enqueue();
    const guarded = createOutbound({
      clock: systemClock,
      allowance: createAllowance([]),
      resolve: systemResolve,
    });
    await round(sender(guarded));
    expect(received).toEqual([]);
    const found = await deliveries.find(tenant, id);
    expect([found?.state, found?.lastStatus]).toEqual(["pending", undefined]);
    expect(found?.lastError).toContain("cannot be reached");
    expect(found?.lastError).not.toContain("127.0.0.1");
  });

  test("what cannot be opened any more is given up, and holds up no other", async () => {
    const [closed, open] = [await enqueue(), await enqueue()];
    await ledger.sql`update webhook_delivery set content = '\\x00' where id = ${closed}`;
    await round(sender());
    expect(await stateOf(closed)).toEqual(["undeliverable", 1, undefined]);
    expect(await stateOf(open)).toEqual(["delivered", 1, 200]);
  });

  test("can be sent again by hand, and has a day again", async () => {
    const id = await enqueue();
    const one = sender();
    respond = () => new Response(null, { status: 410 });
    await round(one);
    respond = () => new Response("thanks");
    expect(await deliveries.resend(tenant, id, TRIED_FOR_MS)).toMatchObject({
      state: "pending",
      attempts: 0,
    });
    await round(one);
    expect(await stateOf(id)).toEqual(["delivered", 1, 200]);
  });
});

describe("several nodes", () => {
  test("send each message once", async () => {
    const ids = await Promise.all(Array.from({ length: 30 }, () => enqueue()));
    const nodes = [sender(), sender(), sender()];
    await Promise.all(nodes.map(round));
    await Promise.all(nodes.map(round));
    expect(received.map(({ headers }) => headers["webhook-id"]).toSorted()).toEqual(ids.toSorted());
  });

  test("take over what a killed one had claimed, when its claim lapses", async () => {
    const id = await enqueue();
    expect(await deliveries.claim([id], LEASE_MS)).toHaveLength(1);
    const one = sender();
    await round(one);
    expect(received).toEqual([]);
    await makeDue();
    await round(one);
    expect(await stateOf(id)).toEqual(["delivered", 2, 200]);
  });

  test("a late word about an attempt that another has followed changes nothing", async () => {
    const id = await enqueue();
    const [first] = await deliveries.claim([id], LEASE_MS);
    await makeDue();
    const [second] = await deliveries.claim([id], LEASE_MS);
    if (first === undefined || second === undefined) throw new Error("not claimed");
    await deliveries.settle(second, { kind: "delivered", status: 200 });
    await deliveries.settle(first, { kind: "failed", error: "late", waitMs: 1 });
    expect(await stateOf(id)).toEqual(["delivered", 2, 200]);
  });
});

describe("bounds", () => {
  /** Holds every call until it is let go, and remembers how many there were at once. */
  function gate() {
    const open = Promise.withResolvers<void>();
    const atOnce = new Map<string, number>();
    const outbound: Outbound = {
      async fetch({ url }) {
        const { host } = new URL(url);
        atOnce.set(host, (atOnce.get(host) ?? 0) + 1);
        await open.promise;
        return { status: 200, headers: new Headers(), body: new Blob([]).stream() };
      },
    };
    return { outbound, atOnce, open: open.resolve };
  }

  /** Until so many calls have been made, and whatever else there might be has had its turn. */
  async function calls(atOnce: ReadonlyMap<string, number>, least: number): Promise<void> {
    while ([...atOnce.values()].reduce((sum, count) => sum + count, 0) < least) await Bun.sleep(1);
    for (let turn = 0; turn < 3; turn++) await deliveries.due(1, { hosts: [], tenants: [] });
  }

  test("a host that never answers holds up none but its own", async () => {
    const { outbound, atOnce, open } = gate();
    for (let index = 0; index < 20; index++) await enqueue({ url: "https://slow.example/" });
    await enqueue({ tenant: other, url: "https://quick.example/" });
    const one = sender(outbound);
    one.wake();
    await calls(atOnce, AT_ONCE_PER_HOST + 1);
    const reached = Object.fromEntries(atOnce);
    open();
    await one.whenIdle();
    expect(reached).toEqual({ "slow.example": AT_ONCE_PER_HOST, "quick.example": 1 });
    expect(atOnce.get("slow.example")).toBe(20);
  });

  test("a tenant with many dead hosts leaves room for the others", async () => {
    const { outbound, atOnce, open } = gate();
    for (let index = 0; index < 40; index++) await enqueue({ url: `https://dead-${index}.example/` });
    await enqueue({ tenant: other, url: "https://quick.example/" });
    const one = sender(outbound);
    one.wake();
    await calls(atOnce, AT_ONCE_PER_TENANT + 1);
    const reached = [atOnce.size, atOnce.has("quick.example")];
    open();
    await one.whenIdle();
    expect(reached).toEqual([AT_ONCE_PER_TENANT + 1, true]);
    expect(atOnce.size).toBe(41);
  });
});

describe("secrets", () => {
  test("are made once, kept sealed, and signed by both while they change", async () => {
    const [one, same] = await Promise.all([secrets.current(tenant), secrets.current(tenant)]);
    expect(one.secret).toBe(same.secret);
    expect(isSecret(one.secret)).toBe(true);
    const [row] = await ledger.sql<{ secret: Uint8Array }[]>`select secret from webhook_secret`;
    expect(Buffer.from(row?.secret ?? []).toString("latin1")).not.toContain(one.secret.slice(6));
    const rotated = await secrets.rotate(tenant);
    expect(rotated.secret).not.toBe(one.secret);
    expect(rotated.previous?.secret).toBe(one.secret);
    await enqueue();
    const sending = sender();
    await round(sending);
    const [first] = received;
    for (const secret of [one.secret, rotated.secret])
      expect(new Webhook(secret).verify(first?.body ?? "", first?.headers ?? {})).toBeObject();
    await ledger.sql`update webhook_secret set previous_until = now()`;
    await enqueue();
    await round(sending);
    const [, second] = received;
    expect(() => new Webhook(one.secret).verify(second?.body ?? "", second?.headers ?? {})).toThrow();
    expect(new Webhook(rotated.secret).verify(second?.body ?? "", second?.headers ?? {})).toBeObject();
  });
});

test("a list goes on behind the last that was seen, by state, and old ones are forgotten", async () => {
  const ids: WebhookId[] = [];
  for (let index = 0; index < 5; index++) ids.push(await enqueue());
  const newest = ids.toReversed();
  const page = async (after?: WebhookId) =>
    (await deliveries.list(tenant, { limit: 2, ...(after === undefined ? {} : { after }) })).map(
      ({ id }) => id,
    );
  expect(await page()).toEqual(newest.slice(0, 2));
  expect(await page(newest[1])).toEqual(newest.slice(2, 4));
  expect(await page(newest[3])).toEqual(newest.slice(4));
  await round(sender());
  await enqueue();
  expect(await deliveries.list(tenant, { limit: 10, state: "delivered" })).toHaveLength(5);
  expect(await deliveries.list(tenant, { limit: 10, state: "pending" })).toHaveLength(1);
  await ledger.sql`update webhook_delivery set settled_at = now() - interval '8 days' where state = 'delivered'`;
  expect(await deliveries.forgetSettled(3)).toBe(3);
  expect(await deliveries.forgetSettled(3)).toBe(2);
  expect(await deliveries.list(tenant, { limit: 10 })).toHaveLength(1);
});
