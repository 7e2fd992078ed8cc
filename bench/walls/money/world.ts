import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/core/clock.ts";
import { systemRandom } from "../../../src/core/random.ts";
import { connect, type Sql } from "../../../src/ledger/database.ts";
import { startEmbeddedPostgres } from "../../../src/ledger/embedded/embedded-postgres.ts";
import { migrate } from "../../../src/ledger/migrate.ts";
import { type Gateway, startGateway } from "../../../tests/gateway.ts";
import { type TestNatsServer, testNats } from "../../../tests/nats.ts";
import { startChild } from "../../child.ts";
import { TOKEN_PRICE } from "./books.ts";
import { type Address, type Network, startNetwork } from "./network.ts";
import { startRedis } from "./redis.ts";
import { MOST_OUTPUT, type VendorAccount } from "./vendor.ts";

/** Everything the wall stands on: real processes, and between them networks that can be cut. */
export interface World {
  readonly nodes: readonly WallNode[];
  /** None when there is one node alone. */
  readonly natsServers: readonly TestNatsServer[];
  /** Straight to Postgres, past every network that is cut. */
  readonly sql: Sql;
  vendorAccount(): Promise<VendorAccount>;
  /** Aborted when it is being closed: nothing is to be started any more. */
  readonly closing: AbortSignal;
  /** Ends every process and removes what they stored. Again does nothing. */
  close(): Promise<void>;
}

export interface WallNode {
  readonly name: string;
  readonly gateway: Gateway;
  /** One to each NATS server. */
  readonly toNats: readonly Network[];
  readonly toPostgres: Network;
}

export interface WorldOptions {
  /** One alone needs no NATS. */
  readonly nodes: number;
  readonly withRedis: boolean;
  say(line: string): void;
}

/** What requests are for. */
export const MODEL = "wall";
/** Points per million tokens: as many micropoints a token. */
const PRICE = { input: Number(TOKEN_PRICE), output: Number(TOKEN_PRICE) };
/** Enough for restarts in a row while networks are cut: the load is never refused for its rate. */
const PLENTY = { qps: 1_000_000, burst: 1_000_000 };
const SECRET = "7c".repeat(32);
const HERE = import.meta.dir;

export async function openWorld(options: WorldOptions): Promise<World> {
  const { say } = options;
  const closers: (() => Promise<unknown> | unknown)[] = [];
  const closing = new AbortController();
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    closing.abort();
    // The last that was started is stopped first; what fails keeps nobody else running.
    for (const end of closers.splice(0).reverse()) {
      try {
        await end();
      } catch (thrown) {
        say(`something could not be ended: ${String(thrown)}`);
      }
    }
  };
  try {
    const parts = await start(options, (end) => closers.push(end));
    return { ...parts, closing: closing.signal, close: () => (closed ??= close()) };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

type OnClose = (end: () => Promise<unknown> | unknown) => void;

async function start(
  { nodes: count, withRedis, say }: WorldOptions,
  onClose: OnClose,
): Promise<Omit<World, "close" | "closing">> {
  const directory = await mkdtemp(join(tmpdir(), "sluice-wall-"));
  onClose(() => rm(directory, { recursive: true, force: true }));
  say(
    `starting Postgres, ${count === 1 ? "" : "three NATS servers, "}${withRedis ? "Redis, " : ""}the vendor`,
  );
  const postgres = await startEmbeddedPostgres({
    directory: join(directory, "postgres"),
    clock: systemClock,
    random: systemRandom,
    onProgress: () => {},
    isThrowaway: true,
  });
  onClose(postgres.stop);
  const nats = count === 1 ? undefined : await testNats(3);
  if (nats !== undefined) onClose(nats.dispose);
  const redis = withRedis ? await startRedis() : undefined;
  if (redis !== undefined) onClose(redis.stop);
  const child = startChild("wall-vendor", [process.execPath, join(HERE, "vendor.ts")]);
  onClose(() => child.stop());
  const vendorUrl = await child.listening();
  const sql = connect(postgres.url, { max: 4, name: "wall" });
  onClose(() => sql.end({ timeout: 1 }));
  await migrate(sql);
  say(`starting ${count === 1 ? "a node" : `${count} nodes`}`);
  const nodes: WallNode[] = [];
  for (let index = 0; index < count; index += 1) {
    const servers = nats?.urls ?? [];
    const shared = redis === undefined ? {} : { REDIS_URL: redis.url };
    nodes.push(
      await startNode(`node-${index + 1}`, { postgres: postgres.url, servers, shared, vendorUrl }, onClose),
    );
  }
  return {
    nodes,
    natsServers: nats?.servers ?? [],
    sql,
    vendorAccount: async () => (await (await fetch(`${vendorUrl}/account`)).json()) as VendorAccount, // our own vendor's
  };
}

interface Surroundings {
  readonly postgres: string;
  readonly servers: readonly string[];
  readonly shared: Readonly<Record<string, string>>;
  readonly vendorUrl: string;
}

async function startNode(
  name: string,
  { postgres, servers, shared, vendorUrl }: Surroundings,
  onClose: OnClose,
): Promise<WallNode> {
  const toPostgres = await startNetwork(addressOf(postgres));
  const toNats = await Promise.all(servers.map((url) => startNetwork(addressOf(url))));
  onClose(() => {
    for (const network of [toPostgres, ...toNats]) network.close();
  });
  const gateway = await startGateway(configFor(vendorUrl), {
    ...shared,
    SLUICE_NODE_ID: name,
    SLUICE_MASTER_SECRET: SECRET,
    DATABASE_URL: through(postgres, toPostgres),
    ...(toNats.length === 0
      ? {}
      : { NATS_URL: toNats.map(({ port }) => `nats://127.0.0.1:${port}`).join(",") }),
  });
  onClose(async () => {
    // One that is paused would not hear that it shall end.
    signal(gateway.pid, "SIGCONT");
    const tooLong = setTimeout(() => signal(gateway.pid, "SIGKILL"), STOP_MS);
    await gateway.dispose();
    clearTimeout(tooLong);
  });
  return { name, gateway, toNats, toPostgres };
}

/** A node drains for as long as requests run; here nobody waits for them any more. */
const STOP_MS = 20_000;

/** To a process of ours, which may have ended by itself. */
export function signal(pid: number, name: "SIGCONT" | "SIGSTOP" | "SIGKILL"): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone.
  }
}

const configFor = (vendorUrl: string): object => ({
  vendors: { mock: { adapter: "openai", baseUrl: `${vendorUrl}/v1`, keys: ["sk-wall"], limits: PLENTY } },
  models: { [MODEL]: [{ vendor: "mock", model: "wall", price: PRICE, maxOutput: MOST_OUTPUT }] },
  rateLimit: { tiers: { normal: PLENTY } },
});

function addressOf(url: string): Address {
  const { hostname, port } = new URL(url);
  return { hostname, port: Number(port) };
}

function through(url: string, { port }: Network): string {
  const changed = new URL(url);
  changed.hostname = "127.0.0.1";
  changed.port = String(port);
  return changed.href;
}
