import { type Gateway, startGateway } from "./gateway.ts";
import { type TestNats, testNats } from "./nats.ts";
import { type TestDatabase, testDatabase } from "./postgres.ts";

/** Several gateways as one cluster, on one database and real nats-servers. */
export interface Cluster {
  readonly nodes: readonly Gateway[];
  readonly nats: TestNats;
  readonly database: TestDatabase;
  dispose(): Promise<void>;
}

const SECRET = "5a".repeat(32);

export async function startCluster(
  config: object,
  options: { readonly nodes: number; readonly natsServers?: 1 | 3; readonly env?: Record<string, string> },
): Promise<Cluster> {
  const [nats, database] = await Promise.all([testNats(options.natsServers ?? 1), testDatabase()]);
  const shared = {
    NATS_URL: nats.urls.join(","),
    DATABASE_URL: database.url,
    SLUICE_MASTER_SECRET: SECRET,
    ...options.env,
  };
  const nodes: Gateway[] = [];
  try {
    const names = Array.from({ length: options.nodes }, (_, index) => `node-${index + 1}`);
    for (const name of names) nodes.push(await startGateway(config, { ...shared, SLUICE_NODE_ID: name }));
  } catch (thrown) {
    await Promise.all(nodes.map((node) => node.dispose()));
    await nats.dispose();
    throw thrown;
  }
  return {
    nodes,
    nats,
    database,
    async dispose() {
      await Promise.all(nodes.map((node) => node.dispose()));
      await nats.dispose();
      await database.drop();
    },
  };
}
