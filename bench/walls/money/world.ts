import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/core/clock.ts";
import { systemRandom } from "../../../src/core/random.ts";
import { connect, type Sql } from "../../../src/ledger/database.ts";
import { startEmbeddedPostgres } from "../../../src/ledger/embedded/embedded-postgres.ts";
import { migrate } from "../../../src/ledger/migrate.ts";
import { type Gateway, startGateway } from "../../../tests/gateway.ts";
import { type TestNats, testNats } from "../../../tests/nats.ts";
import { type Address, type Network, startNetwork } from "./network.ts";
import { startVendor, type VendorAccount } from "./vendor.ts";

/** Everything the wall stands on: real processes, and between them networks that can be cut. */
export interface World {
  readonly nodes: readonly WallNode[];
  readonly nats: TestNats;
  /** Straight to Postgres, past every network that is cut. */
  readonly sql: Sql;
  vendorAccount(): Promise<VendorAccount>;
  close(): Promise<void>;
}

export interface WallNode {
  readonly gateway: Gateway;
  /** One to each NATS server. */
  readonly toNats: readonly Network[];
  readonly toPostgres: Network;
}

/** What requests are for, and what they cost. */
export const MODEL = "wall";
export const MOST_OUTPUT = 64;
/** Micropoints a token, in and out. */
export const TOKEN_PRICE = 10_000n;
const PRICE = { input: 10_000, output: 10_000 };

const NODES = 3;
const SECRET = "7c".repeat(32);

export async function openWorld(say: (line: string) => void): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), "sluice-wall-"));
  say("starting Postgres, three NATS servers, the vendor");
  const postgres = await startEmbeddedPostgres({
    directory: join(directory, "postgres"),
    clock: systemClock,
    random: systemRandom,
    onProgress: () => {},
    isThrowaway: true,
  });
  const nats = await testNats(3);
  const vendor = startVendor(0);
  const sql = connect(postgres.url, { max: 4, name: "wall" });
  await migrate(sql);
  const config = {
    vendors: { mock: { adapter: "openai", baseUrl: `${vendor.url}/v1`, keys: ["sk-wall"] } },
    models: { [MODEL]: [{ vendor: "mock", model: "wall", price: PRICE, maxOutput: MOST_OUTPUT }] },
  };
  say("starting three nodes");
  const nodes: WallNode[] = [];
  for (let index = 0; index < NODES; index += 1) {
    const toPostgres = await startNetwork(addressOf(postgres.url));
    const toNats = await Promise.all(nats.urls.map((url) => startNetwork(addressOf(url))));
    const gateway = await startGateway(config, {
      SLUICE_NODE_ID: `node-${index + 1}`,
      SLUICE_MASTER_SECRET: SECRET,
      DATABASE_URL: through(postgres.url, toPostgres),
      NATS_URL: toNats.map(({ port }) => `nats://127.0.0.1:${port}`).join(","),
    });
    nodes.push({ gateway, toNats, toPostgres });
  }
  return {
    nodes,
    nats,
    sql,
    vendorAccount: async () => (await (await fetch(`${vendor.url}/account`)).json()) as VendorAccount, // our own vendor's
    async close() {
      await Promise.all(nodes.map(({ gateway }) => gateway.dispose()));
      for (const { toNats, toPostgres } of nodes)
        for (const network of [...toNats, toPostgres]) network.close();
      await vendor.stop();
      await nats.dispose();
      await sql.end({ timeout: 1 });
      await postgres.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

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
