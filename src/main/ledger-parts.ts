import { hkdfSync } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Config } from "../config/config.ts";
import { type DataDirectory, openDataDirectory } from "../config/data-directory.ts";
import { systemClock as clock } from "../core/clock.ts";
import { type NodeId, nodeId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import { systemRandom as random } from "../core/random.ts";
import { type Accounts, createAccounts } from "../ledger/accounts.ts";
import { type AdminKey, adminKey } from "../ledger/admin-key.ts";
import { connect, isUnreachable, type Sql } from "../ledger/database.ts";
import { claim as claimDirectory, type Claim as DirectoryClaim } from "../ledger/embedded/claim.ts";
import { startEmbeddedPostgres } from "../ledger/embedded/embedded-postgres.ts";
import { createIdempotencyLedger, type IdempotencyLedger } from "../ledger/idempotency.ts";
import { createKeys, type Keys } from "../ledger/keys.ts";
import { migrate } from "../ledger/migrate.ts";
import { claimNode, type NodeClaim } from "../ledger/node-claim.ts";
import { watchLife } from "../ledger/node-life.ts";
import { openSpool } from "../ledger/open-spool.ts";
import { createPrices, type Prices } from "../ledger/prices.ts";
import { createReceipts, type Receipts } from "../ledger/receipts.ts";
import type { Recovered } from "../ledger/recovery.ts";
import { createReports, type Reports } from "../ledger/reports.ts";
import { createResponseLedger, type ResponseLedger } from "../ledger/responses.ts";
import { createSeal } from "../ledger/sealed.ts";
import type { Spool } from "../ledger/spool/spool.ts";
import { createTenants, type Tenants } from "../ledger/tenants.ts";

/** Everything that is on disk: the ledger, this node's spool, who this node is. */
export interface LedgerParts {
  readonly node: NodeId;
  readonly admin: AdminKey;
  readonly masterSecret: Uint8Array;
  readonly sql: Sql;
  readonly spool: Spool;
  readonly recovered: Recovered;
  readonly accounts: Accounts;
  readonly tenants: Tenants;
  readonly keys: Keys;
  readonly prices: Prices;
  readonly reports: Reports;
  readonly receipts: Receipts;
  readonly idempotency: IdempotencyLedger;
  readonly responses: ResponseLedger;
  /** Takes another node's name; undefined while a process runs under it. */
  claimNode(node: NodeId): Promise<NodeClaim | undefined>;
  /** Resolves with the reason when this process is the node no longer. */
  readonly over: Promise<string>;
  close(): Promise<void>;
}

const DATABASE_CONNECTIONS = 20;
/** That pool, the claim of the node's name, and those of names that it takes for a moment. */
const CONNECTIONS_EACH = DATABASE_CONNECTIONS + 5;
/** A parent's own pool, a process that is about to follow one, and some for an operator. */
const OTHER_CONNECTIONS = 75;

/** Opens the data directory and the ledger. What a former run left in the spool is applied before this resolves. */
export async function openLedger(config: Config, log: Log): Promise<LedgerParts> {
  const dataDirectory = resolve(config.dataDirectory);
  const disk = openDataDirectory(dataDirectory, random);
  const claimed = await claimPlace(config, dataDirectory);
  try {
    const database = await openDatabase(config, dataDirectory, log);
    try {
      const name = await claimName(database.url, nodeId(config.nodeId ?? disk.nodeId));
      const close = async () => {
        await name.release();
        await database.close();
        await claimed.release();
      };
      return await partsOf(config, disk, database, name, close, log);
    } catch (thrown) {
      await database.close();
      throw thrown;
    }
  } catch (thrown) {
    await claimed.release();
    throw thrown;
  }
}

/** The data directory, or in a worker, whose parent has that, a place of its own below it. */
async function claimPlace({ worker }: Config, dataDirectory: string): Promise<DirectoryClaim> {
  if (worker === undefined) return claimDirectory(dataDirectory);
  const place = join(dataDirectory, "workers", String(worker.number));
  await mkdir(place, { recursive: true, mode: 0o700 });
  return claimDirectory(place);
}

async function claimName(url: string, node: NodeId): Promise<NodeClaim> {
  const name = await claimNode(url, node, clock);
  if (name !== undefined) return name;
  throw new Error(
    `Another process runs as node '${node}' on this database. Give this one a SLUICE_NODE_ID of its own.`,
  );
}

async function partsOf(
  config: Config,
  disk: DataDirectory,
  { sql, url }: Database,
  claim: NodeClaim,
  close: () => Promise<void>,
  log: Log,
): Promise<LedgerParts> {
  const node = nodeId(config.nodeId ?? disk.nodeId);
  const masterSecret = config.masterSecret ?? disk.masterSecret;
  const directory = join(disk.path, "spool");
  const claimOther = (other: NodeId) => claimNode(url, other, clock);
  const { spool, recovered } = await openSpool({
    sql,
    directory,
    node,
    claim: claimOther,
    region: config.region,
    clock,
    log,
    // What former names left in it, the parent of the workers has applied.
    ...(config.worker === undefined ? {} : { isOthers: () => true }),
  });
  const life = watchLife({ sql, node, epoch: recovered.position.epoch, claim, clock });
  return {
    node,
    over: life.over,
    masterSecret,
    sql,
    spool,
    recovered,
    admin: await adminKey(sql, config.adminKey, random),
    accounts: createAccounts(sql),
    tenants: createTenants(sql),
    keys: createKeys(sql, { clock, random }),
    prices: createPrices(sql),
    reports: createReports(sql),
    idempotency: createIdempotencyLedger(
      sql,
      node,
      createSeal(derivedKey(masterSecret, "kept answers"), random),
    ),
    responses: createResponseLedger(sql, createSeal(derivedKey(masterSecret, "kept responses"), random)),
    receipts: createReceipts(sql, derivedKey(masterSecret, "receipts")),
    claimNode: claimOther,
    async close() {
      life.stop();
      await spool.close();
      await close();
    },
  };
}

export interface Database {
  readonly sql: Sql;
  readonly url: string;
  close(): Promise<void>;
}

/**
 * The configured Postgres, else one of our own; migrated.
 * @param workers processes that will use it
 */
export async function openDatabase(
  config: Config,
  dataDirectory: string,
  log: Log,
  workers = 1,
): Promise<Database> {
  const onProgress = (line: string) => log.info(line);
  const directory = join(dataDirectory, "postgres");
  const embedded =
    config.databaseUrl === undefined
      ? await startEmbeddedPostgres({
          directory,
          clock,
          random,
          onProgress,
          maxConnections: OTHER_CONNECTIONS + workers * CONNECTIONS_EACH,
        })
      : undefined;
  const url = config.databaseUrl ?? embedded?.url ?? "";
  const sql = connect(url, { max: DATABASE_CONNECTIONS });
  const close = async () => {
    await sql.end({ timeout: 5 });
    await embedded?.stop();
  };
  try {
    const { applied } = await migrate(sql);
    if (applied.length > 0) log.info("the ledger's schema is up to date", { migrations: applied.length });
    return { sql, url, close };
  } catch (thrown) {
    await close();
    if (config.databaseUrl === undefined || !isUnreachable(thrown)) throw thrown;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Error(`The Postgres of DATABASE_URL cannot be reached: ${reason}`, { cause: thrown });
  }
}

/** A key of its own for each purpose, so that none stands for another. */
export function derivedKey(masterSecret: Uint8Array, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", masterSecret, new Uint8Array(), `sluice ${purpose}`, 32));
}
