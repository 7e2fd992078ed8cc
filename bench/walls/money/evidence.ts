import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { within } from "./operator.ts";
import type { World } from "./world.ts";

/** Where what a run leaves behind is kept: logs, metrics, the state of NATS and of the ledger's watermarks. */
const EVIDENCE = join(import.meta.dir, "../../out/wall");
const PATIENCE_MS = 5_000;
const MOST_TRANSFERS = 200_000;

/** For whoever looks for a cause. What cannot be had is noted as such. */
export async function keepEvidence(world: World, seed: number): Promise<void> {
  await mkdir(EVIDENCE, { recursive: true });
  const path = (name: string): string => join(EVIDENCE, `seed-${seed}-${name}`);
  for (const { name, gateway } of world.nodes) {
    await Bun.write(path(`${name}.log`), gateway.log());
    await Bun.write(path(`${name}.metrics`), await told(async () => await metricsOf(gateway.url)));
  }
  const servers = world.natsServers.map(({ url }) => told(() => streamsOf(url)));
  await Bun.write(path("nats.json"), `${(await Promise.all(servers)).join("\n")}\n`);
  await Bun.write(path("transfers.jsonl"), await told(() => transfersOf(world)));
  const watermarks = await told(async () => JSON.stringify(await world.sql`select * from node`, plain, 1));
  await Bun.write(path("watermarks.json"), `${watermarks}\n`);
}

async function told(ask: () => Promise<string>): Promise<string> {
  try {
    return await within(PATIENCE_MS, ask());
  } catch (thrown) {
    return `could not be had: ${String(thrown)}`;
  }
}

/** Every move of points of the small tenants, in order: which node had them, and since when. */
async function transfersOf({ sql }: World): Promise<string> {
  const rows = await sql<{ row: string }[]>`
    select row_to_json(t)::text as row from (
      select a.tenant, t.created_at, t.kind, t.amount, d.node as from_node, c.node as to_node, t.id
      from transfer t join account d on d.id = t.debit join account c on c.id = t.credit
      join account a on a.id in (d.id, c.id) and a.kind = 'purse'
      order by a.tenant, t.created_at limit ${MOST_TRANSFERS}) t`;
  return rows.map(({ row }) => row).join("\n");
}

async function metricsOf(url: string): Promise<string> {
  return await (await fetch(`${url}/metrics`)).text();
}

/** Every stream with its consumers, as one server sees them. */
async function streamsOf(url: string): Promise<string> {
  const connection = await connect({ servers: url, timeout: PATIENCE_MS, reconnect: false });
  try {
    const manager = await jetstreamManager(connection);
    const streams: object[] = [];
    for await (const { config, state, cluster } of manager.streams.list()) {
      const consumers: object[] = [];
      for await (const consumer of manager.consumers.list(config.name)) consumers.push(consumer);
      streams.push({ name: config.name, state, cluster, consumers });
    }
    return JSON.stringify({ url, streams }, plain, 1);
  } finally {
    await connection.close();
  }
}

const plain = (_: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value);
