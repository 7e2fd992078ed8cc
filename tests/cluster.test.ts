import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Cluster, startCluster } from "./cluster.ts";
import { type Client, type Gateway, micro } from "./gateway.ts";

/** Three gateways on three nats-servers; embeddings of the sandbox, since they are answered at once. */
const MODEL = "priced";
const CONFIG = {
  models: {
    [MODEL]: [
      { vendor: "sandbox", model: "sandbox-embedding", price: { input: 1_000 }, operations: ["embedding"] },
    ],
  },
};

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster(CONFIG, { nodes: 3, natsServers: 3 });
  await eventually(async () => (await shards()).every((count) => count > 25), 30_000);
});
afterAll(() => cluster.dispose());

const node = (index: number): Gateway => {
  const found = cluster.nodes[index];
  if (found === undefined) throw new Error(`there is no node ${index}`);
  return found;
};

const call = (gateway: Gateway, { key }: Pick<Client, "key">): Promise<Response> =>
  fetch(`${gateway.url}/v1/embeddings`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: MODEL, input: "one two three four" }),
  });

interface Actor {
  readonly kind: string;
  readonly key: string;
  readonly node: string;
}
const actors = async (): Promise<readonly Actor[]> =>
  (await node(0).admin<{ data: readonly Actor[] }>("GET", "/actors?limit=1000")).data;

/** How many each node owns, as far as it can be reached. */
async function shards(): Promise<readonly number[]> {
  const { data } = await node(0).admin<{ data: { shards?: number }[] }>("GET", "/nodes");
  return data.map((one) => one.shards ?? 0);
}

async function eventually(isSo: () => Promise<boolean>, ms: number): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error("it did not come to be");
    await Bun.sleep(50);
  }
}

describe("a cluster of three nodes", () => {
  test("serves one tenant on every node, with one owner and one balance", async () => {
    const client = await node(0).client("10");
    for (const gateway of cluster.nodes) expect((await call(gateway, client)).status).toBe(200);
    const owners = (await actors()).filter(({ kind, key }) => kind === "tenant" && key === client.tenant);
    expect(owners).toHaveLength(1);
    const balances = await Promise.all(
      cluster.nodes.map((gateway) => gateway.admin("GET", `/tenants/${client.tenant}/balance`)),
    );
    expect(new Set(balances.map((balance) => JSON.stringify(balance))).size).toBe(1);
    expect(balances[0]).toMatchObject({ reserved: "0" });
    expect(Number(balances[0]?.spent)).toBeGreaterThan(0);
  });

  test("refuses a key everywhere within a second of its revocation on one node", async () => {
    const client = await node(0).client("10");
    for (const gateway of cluster.nodes) expect((await call(gateway, client)).status).toBe(200);
    await node(1).admin("DELETE", `/keys/${client.keyId}`);
    const isRefused = async (): Promise<boolean> => {
      const statuses = await Promise.all(
        cluster.nodes.map(async (gateway) => (await call(gateway, client)).status),
      );
      return statuses.every((status) => status === 401);
    };
    await eventually(isRefused, 1_000);
  });

  test("takes over on all nodes what is managed on one", async () => {
    const spec = [
      { vendor: "sandbox", model: "sandbox-embedding", price: { input: 1 }, operations: ["embedding"] },
    ];
    await node(2).admin("PUT", "/models/everywhere", spec);
    const client = await node(0).client("1");
    const knows = async (gateway: Gateway): Promise<boolean> => {
      const response = await fetch(`${gateway.url}/v1/models/everywhere`, {
        headers: { authorization: `Bearer ${client.key}` },
      });
      return response.ok;
    };
    await eventually(async () => (await Promise.all(cluster.nodes.map(knows))).every(Boolean), 5_000);
  });

  test("shows all nodes, and its books are right", async () => {
    const { data } = await node(1).admin<{ data: { id: string; state: string }[] }>("GET", "/nodes");
    expect(data.map(({ id, state }) => `${id} ${state}`)).toEqual([
      "node-1 ready",
      "node-2 ready",
      "node-3 ready",
    ]);
    const { ok, checks } = await node(2).admin<{ ok: boolean; checks: { name: string; detail: string }[] }>(
      "GET",
      "/ledger/reconcile",
    );
    expect([ok, checks.find(({ name }) => name === "purses_equal_leases")?.detail]).toEqual([
      true,
      expect.stringContaining("node-2: "),
    ]);
  });

  test("goes on when a node is killed under load: no error of the others, its actors elsewhere, every point there", async () => {
    const [first, second, victim] = [node(0), node(1), node(2)];
    const clients = await Promise.all(Array.from({ length: 12 }, () => first.client("50")));
    for (const client of clients) expect((await call(second, client)).status).toBe(200);
    const tenants = new Set(clients.map(({ tenant }) => tenant));
    const ofVictim = (await actors()).filter(
      ({ key, node: owner }) => tenants.has(key) && owner === "node-3",
    );
    expect(ofVictim.length).toBeGreaterThan(0);
    let alive = [first, second, victim];
    let isOver = false;
    const refused: string[] = [];
    let served = 0;
    const work = async (client: Client): Promise<void> => {
      for (let turn = 0; !isOver; turn += 1) {
        const gateway = alive[turn % alive.length] ?? first;
        const response = await call(gateway, client).catch(() => undefined);
        if (response?.ok === true) served += 1;
        else if (gateway !== victim) refused.push(response === undefined ? "lost" : await response.text());
        await response?.arrayBuffer().catch(() => undefined);
        await Bun.sleep(5);
      }
    };
    const working = clients.map(work);
    await eventually(async () => served > 300, 30_000);
    alive = [first, second];
    await victim.kill();
    await eventually(async () => (await shards()).reduce((sum, count) => sum + count, 0) === 128, 15_000);
    isOver = true;
    await Promise.all(working);
    expect(refused).toEqual([]);
    for (const client of clients) expect((await call(second, client)).status).toBe(200);
    await victim.restart();
    expect(await first.admin("GET", "/ledger/reconcile")).toMatchObject({ ok: true });
    for (const { tenant } of clients) {
      const { balance, spent } = await second.admin<{ balance: string; spent: string }>(
        "GET",
        `/tenants/${tenant}/balance`,
      );
      expect(micro(balance) + micro(spent)).toBe(50_000_000n);
    }
  });
});
