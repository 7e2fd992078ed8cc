import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { within } from "./operator.ts";
import type { World } from "./world.ts";

/** Where what a run leaves behind is kept: logs, metrics, the state of NATS and of the ledger's watermarks. */
export const EVIDENCE = join(import.meta.dir, "../../out/wall");
const PATIENCE_MS = 5_000;

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
