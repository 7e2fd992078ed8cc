import { seededRandom } from "../../../src/core/random.ts";
import { audit, type ClientRecord, type Finding, type TenantBooks, type UsageRow } from "./books.ts";
import { ask, type Payer } from "./client.ts";
import { MISCHIEFS, type Mischief, type MischiefKind, planMischief } from "./mischief.ts";
import { openWorld, TOKEN_PRICE, type WallNode, type World } from "./world.ts";

export interface RunOptions {
  readonly seed: number;
  readonly seconds: number;
  say(line: string): void;
}

export interface RunReport {
  readonly seed: number;
  readonly requests: Readonly<Partial<Record<ClientRecord["seen"], number>>>;
  readonly refusals: Readonly<Partial<Record<number, number>>>;
  readonly mischief: Readonly<Partial<Record<MischiefKind, number>>>;
  /** Micropoints. */
  readonly toppedUp: bigint;
  readonly charged: bigint;
  readonly loss: bigint;
  readonly left: bigint;
  readonly inDoubt: number;
  readonly findings: readonly Finding[];
  /** What the gateway's own reconciliation finds wrong. */
  readonly broken: readonly string[];
  /** Accounts seen below what they may owe, at any moment. */
  readonly overdrafts: number;
}

const CLIENTS = 64;
const SMALL_TENANTS = 1_000;
const BIG = { points: 5_000, more: 500 };
const SMALL_POINTS = 2;
const PAUSE_MS = 150;
const LOOK_MS = 500;
/** Everything is healed: nodes come back, leases run out, spools are read. */
const QUIET_MS = 90_000;
/** The dearest request; less than this is left of a balance that was spent. */
const MOST_COST = 200n * TOKEN_PRICE;

/** One wall: load, mischief, healing, audit. */
export async function runWall({ seed, seconds, say }: RunOptions): Promise<RunReport> {
  const world = await openWorld(say);
  try {
    const payers = await fund(world, say);
    const records: ClientRecord[] = [];
    const watch = watchOverdrafts(world);
    const plan = planMischief(seededRandom(seed), seconds * 1_000);
    const startedAt = performance.now();
    const load = startLoad(world, payers, seed, records);
    const told = setInterval(() => say(progress(records, performance.now() - startedAt)), 5_000);
    await Promise.all([
      ...plan.map((one) => commit(world, one, startedAt, say)),
      moreForTheBig(world, payers, seconds),
    ]);
    await Bun.sleep(Math.max(0, seconds * 1_000 - (performance.now() - startedAt)));
    clearInterval(told);
    say("healing everything, waiting for quiet");
    await load.stop();
    const broken = await quiet(world);
    await spendTheRest(world, payers, records);
    const brokenAfter = await quiet(world);
    const overdrafts = await watch.stop();
    return await reportOf(world, payers, {
      seed,
      plan,
      records,
      broken: [...broken, ...brokenAfter],
      overdrafts,
    });
  } finally {
    await world.close();
  }
}

interface Payers {
  readonly big: Payer;
  readonly small: readonly Payer[];
}

async function fund({ nodes }: World, say: (line: string) => void): Promise<Payers> {
  say(`funding ${SMALL_TENANTS + 1} tenants`);
  const [first] = nodes;
  if (first === undefined) throw new Error("there are nodes");
  const make = async (points: number): Promise<Payer> => first.gateway.client(String(points));
  const big = await make(BIG.points);
  const small: Payer[] = [];
  while (small.length < SMALL_TENANTS) {
    small.push(...(await Promise.all(Array.from({ length: 20 }, () => make(SMALL_POINTS)))));
  }
  return { big, small };
}

/** Half of the clients spend the big balance, half the small ones, on any node. */
function startLoad({ nodes }: World, { big, small }: Payers, seed: number, records: ClientRecord[]) {
  let isOver = false;
  let number = 0;
  const work = async (client: number): Promise<void> => {
    const random = seededRandom(seed * 1_000 + client);
    while (!isOver) {
      const payer = client % 2 === 0 ? big : (small[Math.floor(random.next() * small.length)] ?? big);
      const node = nodes[Math.floor(random.next() * nodes.length)];
      number += 1;
      if (node !== undefined) records.push(await ask(node.gateway.url, payer, number, random.next() < 0.4));
      await Bun.sleep(random.next() * 2 * PAUSE_MS);
    }
  };
  const working = Array.from({ length: CLIENTS }, (_, client) => work(client));
  return {
    async stop() {
      isOver = true;
      await Promise.all(working);
    },
  };
}

/** Does it at its time, and undoes it. */
async function commit(
  world: World,
  { kind, target, from, until }: Mischief,
  startedAt: number,
  say: (line: string) => void,
): Promise<void> {
  const at = (ms: number) => Bun.sleep(Math.max(0, startedAt + ms - performance.now()));
  await at(from);
  say(`${kind} ${target + 1} for ${((until - from) / 1_000).toFixed(1)} s`);
  const undo = await begin(world, kind, target);
  await at(until);
  await undo();
}

async function begin(world: World, kind: MischiefKind, target: number): Promise<() => Promise<void>> {
  const node = world.nodes[target];
  const server = world.nats.servers[target];
  if (node === undefined || server === undefined) throw new Error(`there is no ${kind} ${target}`);
  switch (kind) {
    case "kill node":
      await node.gateway.kill();
      return () => restarted(node);
    case "pause node": {
      const { pid } = node.gateway;
      process.kill(pid, "SIGSTOP");
      return async () => void process.kill(pid, "SIGCONT");
    }
    case "cut node from NATS":
      for (const network of node.toNats) network.cut();
      return async () => {
        for (const network of node.toNats) network.heal();
      };
    case "cut node from Postgres":
      node.toPostgres.cut();
      return async () => node.toPostgres.heal();
    case "stall node's Postgres":
      node.toPostgres.stall();
      return async () => node.toPostgres.heal();
    case "kill NATS server":
      await server.kill();
      return () => server.restart();
    case "pause NATS server":
      server.pause();
      return async () => server.resume();
  }
}

/** A node whose Postgres or NATS is still cut does not come up at once. */
async function restarted({ gateway }: WallNode): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await gateway.restart();
      return;
    } catch (thrown) {
      if (tries >= 30) throw thrown;
      await Bun.sleep(1_000);
    }
  }
}

async function moreForTheBig(world: World, { big }: Payers, seconds: number): Promise<void> {
  await Bun.sleep(seconds * 400);
  await onAnyNode(world, ({ gateway }) =>
    gateway.admin("POST", `/tenants/${big.tenant}/topups`, { points: String(BIG.more), reference: "second" }),
  );
}

/** Tries nodes in turn until one answers; what is asked may happen twice without harm. */
async function onAnyNode<Value>({ nodes }: World, run: (node: WallNode) => Promise<Value>): Promise<Value> {
  for (let tries = 0; ; tries += 1) {
    const node = nodes[tries % nodes.length];
    if (node === undefined) throw new Error("there are nodes");
    try {
      return await Promise.race([
        run(node),
        Bun.sleep(5_000).then(() => {
          throw new Error("no answer");
        }),
      ]);
    } catch (thrown) {
      if (tries >= 60) throw thrown;
      await Bun.sleep(300);
    }
  }
}

function watchOverdrafts({ sql }: World) {
  let isOver = false;
  let seen = 0;
  const looking = (async () => {
    while (!isOver) {
      const [row] = await sql<{ count: bigint }[]>`
        select count(*) from account where kind in ('tenant', 'purse') and balance + overdraft < 0`;
      seen += Number(row?.count ?? 0n);
      await Bun.sleep(LOOK_MS);
    }
  })();
  return {
    async stop(): Promise<number> {
      isOver = true;
      await looking;
      return seen;
    },
  };
}

/** Waits until the gateway itself finds nothing wrong; answers what it still does after a while. */
async function quiet(world: World): Promise<readonly string[]> {
  const deadline = performance.now() + QUIET_MS;
  for (;;) {
    const broken = await brokenChecks(world);
    if (broken.length === 0 || performance.now() > deadline) return broken;
    await Bun.sleep(1_000);
  }
}

async function brokenChecks({ nodes }: World): Promise<readonly string[]> {
  const broken: string[] = [];
  for (const { gateway } of nodes) {
    try {
      const { checks } = await gateway.admin<{ checks: { name: string; ok: boolean; detail: string }[] }>(
        "GET",
        "/ledger/reconcile",
      );
      for (const { name, ok, detail } of checks) if (!ok) broken.push(`${name}: ${detail}`);
    } catch (thrown) {
      broken.push(`no answer: ${String(thrown)}`);
    }
  }
  return broken;
}

/** With everything well again nobody may be denied what is there: the big balance is spent to its end. */
async function spendTheRest(world: World, { big }: Payers, records: ClientRecord[]): Promise<void> {
  let denied = 0;
  for (let number = 1_000_000; denied < 3 && number < 1_030_000; number += 8) {
    const tried = await Promise.all(
      Array.from({ length: 8 }, (_, index) => {
        const node = world.nodes[(number + index) % world.nodes.length];
        if (node === undefined) throw new Error("there are nodes");
        return ask(node.gateway.url, big, number + index, false);
      }),
    );
    records.push(...tried);
    denied = tried.every((one) => one.seen === "refused" && one.status === 402) ? denied + 1 : 0;
  }
}

interface Seen {
  readonly seed: number;
  readonly plan: readonly Mischief[];
  readonly records: readonly ClientRecord[];
  readonly broken: readonly string[];
  readonly overdrafts: number;
}

async function reportOf(world: World, { big, small }: Payers, seen: Seen): Promise<RunReport> {
  const { sql } = world;
  const usage = await sql<UsageRow[]>`select id, tenant, charged, loss, flags from usage`;
  const balances = await sql<{ tenant: string; balance: bigint }[]>`
    select tenant, sum(balance)::bigint as balance from account where tenant is not null group by tenant`;
  const balanceOf = new Map(balances.map(({ tenant, balance }) => [tenant, balance]));
  const books = ({ tenant }: Payer, points: number): TenantBooks => ({
    tenant,
    toppedUp: BigInt(points) * 1_000_000n,
    balance: balanceOf.get(tenant) ?? 0n,
  });
  const tenants = [books(big, BIG.points + BIG.more), ...small.map((payer) => books(payer, SMALL_POINTS))];
  const { records } = seen;
  const findings = [...audit({ clients: records, vendor: await world.vendorAccount(), usage, tenants })];
  const left = balanceOf.get(big.tenant) ?? 0n;
  if (left > MOST_COST)
    findings.push({ kind: "wrong balance", detail: `the big balance still has ${left}, and is denied` });
  const sum = (amounts: readonly bigint[]) => amounts.reduce((total, amount) => total + amount, 0n);
  return {
    seed: seen.seed,
    requests: countBy(records, ({ seen: what }) => what),
    refusals: countBy(
      records.flatMap((one) => (one.seen === "refused" ? [one.status] : [])),
      (status) => status,
    ),
    mischief: countBy(seen.plan, ({ kind }) => kind),
    toppedUp: sum(tenants.map(({ toppedUp }) => toppedUp)),
    charged: sum(usage.map(({ charged }) => charged)),
    loss: sum(usage.map(({ loss }) => loss)),
    left: sum(tenants.map(({ balance }) => balance)),
    inDoubt: usage.filter(({ flags }) => flags.includes("in_doubt")).length,
    findings,
    broken: seen.broken,
    overdrafts: seen.overdrafts,
  };
}

function countBy<Item, Key extends string | number>(
  items: readonly Item[],
  keyOf: (item: Item) => Key,
): Partial<Record<Key, number>> {
  const counts: Partial<Record<Key, number>> = {};
  for (const item of items) counts[keyOf(item)] = (counts[keyOf(item)] ?? 0) + 1;
  return counts;
}

function progress(records: readonly ClientRecord[], ms: number): string {
  const { served = 0, cut = 0, refused = 0, lost = 0 } = countBy(records, ({ seen }) => seen);
  return `${Math.round(ms / 1_000)} s: ${served} served, ${refused} refused, ${cut} cut, ${lost} without an answer`;
}

/** Every kind of mischief, for tables. */
export const MISCHIEF_KINDS = Object.keys(MISCHIEFS) as readonly MischiefKind[]; // an object's own keys
