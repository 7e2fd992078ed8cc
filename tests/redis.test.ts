import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Client, type Gateway, startGateway } from "./gateway.ts";
import { type TestDatabase, testDatabase } from "./postgres.ts";
import { type TestRedis, testRedis } from "./redis.ts";

/** Two gateways that share a ledger, a secret and a Redis. */
let database: TestDatabase;
let redis: TestRedis;
const gateways: Gateway[] = [];
/** Of all requests. It fills up slowly: hardly while a test looks at it, yet before anybody loses patience. */
const LIMIT = { qps: 0.5, burst: 40 };
let client: Client;

beforeAll(async () => {
  database = await testDatabase();
  redis = await testRedis();
  const models = { chat: [{ vendor: "sandbox", model: "sandbox-chat", price: "free" }] };
  for (const name of ["node-1", "node-2"]) {
    gateways.push(
      await startGateway(
        { models, rateLimit: { global: LIMIT } },
        {
          DATABASE_URL: database.url,
          REDIS_URL: redis.url,
          SLUICE_MASTER_SECRET: "5a".repeat(32),
          SLUICE_NODE_ID: name,
        },
      ),
    );
  }
  client = await gatewayOf(0).client("1");
}, 120_000);
afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.dispose()));
  await redis.dispose();
  await database.drop();
}, 60_000);

function gatewayOf(index: number): Gateway {
  const gateway = gateways[index];
  if (gateway === undefined) throw new Error("there are two");
  return gateway;
}

async function ticketOf(gateway: Gateway): Promise<Response> {
  const headers = { authorization: `Bearer ${client.key}` };
  return fetch(`${gateway.url}/v1/ws/tickets`, { method: "POST", headers });
}

function chat(gateway: Gateway): Promise<Response> {
  const headers = { authorization: `Bearer ${client.key}` };
  const body = JSON.stringify({ model: "chat", messages: [{ role: "user", content: "Still there?" }] });
  return fetch(`${gateway.url}/v1/chat/completions`, { method: "POST", headers, body });
}

/** The answer to a socket that is opened with a ticket: 101 when it was. */
function upgrade(gateway: Gateway, ticket: string): Promise<Response> {
  return fetch(`${gateway.url}/v1/ws?ticket=${ticket}`, {
    headers: {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    },
  });
}

function opens(gateway: Gateway, ticket: string): Promise<boolean> {
  const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/v1/ws?ticket=${ticket}`);
  return new Promise((resolve) => {
    socket.onopen = () => {
      socket.close();
      resolve(true);
    };
    socket.onerror = () => resolve(false);
  });
}

test("a ticket of one node opens a socket at another, once", async () => {
  const { ticket } = (await (await ticketOf(gatewayOf(0))).json()) as { ticket: string };
  expect(await opens(gatewayOf(1), ticket)).toBe(true);
  expect(await opens(gatewayOf(1), ticket)).toBe(false);
  expect(await opens(gatewayOf(0), ticket)).toBe(false);
});

test("of sockets that want one ticket at the same moment on both nodes one is opened", async () => {
  const { ticket } = (await (await ticketOf(gatewayOf(1))).json()) as { ticket: string };
  const opened = await Promise.all(
    gateways.flatMap((gateway) => [1, 2, 3].map(() => opens(gateway, ticket))),
  );
  expect(opened.filter(Boolean)).toHaveLength(1);
});

test("a limit on everything is one for both nodes", async () => {
  const answers = await Promise.all(Array.from({ length: 60 }, (_, index) => chat(gatewayOf(index % 2))));
  const statuses = answers.map(({ status }) => status);
  // Thirty are less than each of them alone would take.
  const admitted = statuses.filter((status) => status === 200).length;
  expect(admitted).toBeWithin(40, 45);
  expect(statuses.filter((status) => status === 429)).toHaveLength(60 - admitted);
  const refusal = answers.find(({ status }) => status === 429);
  expect(Number(refusal?.headers.get("retry-after"))).toBeWithin(1, 4);
  expect(await refusal?.json()).toMatchObject({ error: { code: "rate_limit_exceeded" } });
});

test("while Redis is away tickets are refused with 503, everything else goes on, and they are back with it", async () => {
  const { ticket } = (await (await ticketOf(gatewayOf(0))).json()) as { ticket: string };
  await redis.kill();
  for (const gateway of gateways) {
    for (const refused of [await ticketOf(gateway), await upgrade(gateway, ticket)]) {
      expect(refused.status).toBe(503);
      expect(refused.headers.get("retry-after")).toBe("1");
      expect(await refused.json()).toMatchObject({ error: { code: "overloaded" } });
    }
    // The limit is split between the nodes, and each may begin with its part of the burst.
    while ((await chat(gateway)).status === 429) await Bun.sleep(50);
    expect((await chat(gateway)).status).toBe(200);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toContain("redis_connected 0");
    expect(metrics).toContain("global_limit_split 1");
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(200);
  }
  await gatewayOf(0).stop();
  await gatewayOf(0).restart();
  expect(gatewayOf(0).log()).toContain("Redis cannot be reached");
  await redis.restart();
  for (const gateway of gateways) {
    let issued = await ticketOf(gateway);
    for (let tries = 0; issued.status === 503 && tries < 400; tries += 1) {
      await Bun.sleep(50);
      issued = await ticketOf(gateway);
    }
    expect(issued.status).toBe(200);
    expect(await opens(gateway, ((await issued.json()) as { ticket: string }).ticket)).toBe(true);
  }
  expect(gatewayOf(1).log()).toContain("Redis is gone");
  expect(gatewayOf(1).log()).toContain("Redis is there again");
}, 60_000);
