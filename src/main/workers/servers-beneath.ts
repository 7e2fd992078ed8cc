import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Config } from "../../config/config.ts";
import { openDataDirectory } from "../../config/data-directory.ts";
import { systemClock as clock } from "../../core/clock.ts";
import { nodeId } from "../../core/ids.ts";
import type { Log } from "../../core/log.ts";
import { systemRandom as random } from "../../core/random.ts";
import { adminKey } from "../../ledger/admin-key.ts";
import { claim as claimDirectory } from "../../ledger/embedded/claim.ts";
import { claimNode } from "../../ledger/node-claim.ts";
import { applyFormerSpools } from "../../ledger/open-spool.ts";
import { openDatabase } from "../ledger-parts.ts";
import { findNatsServer, startOwnNats } from "./nats-server.ts";

/** What the workers of one machine stand on, and the parent owns. */
export interface ServersBeneath {
  /** The node names of the workers, by number. */
  readonly nodes: readonly string[];
  /** No other machine takes part. */
  readonly isAlone: boolean;
  /** What every worker is told. */
  readonly env: Readonly<Record<string, string>>;
  /** Only at the very first start, when it was made. */
  readonly adminKeyShownOnce: string | undefined;
  close(): Promise<void>;
}

/**
 * Opens the data directory, one Postgres and one NATS for all workers, and applies the spools of node names that none
 * of them will have: of a run with more workers, or of one process alone.
 */
export async function openServersBeneath(config: Config, workers: number, log: Log): Promise<ServersBeneath> {
  const closes: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const one of closes.splice(0).toReversed()) await one();
  };
  try {
    // What is missing is told before anything is made.
    const isAlone = config.natsUrls.length === 0;
    const program = isAlone ? findNatsServer() : undefined;
    const directory = resolve(config.dataDirectory);
    const disk = openDataDirectory(directory, random);
    closes.push((await claimDirectory(directory)).release);
    const database = await openDatabase(config, directory, log, workers);
    closes.push(database.close);
    const admin = await adminKey(database.sql, config.adminKey, random);
    const ownNats =
      program === undefined
        ? undefined
        : await startOwnNats({ program, directory: join(directory, "nats"), clock, random, log });
    if (ownNats !== undefined) closes.push(ownNats.stop);
    const name = config.nodeId ?? disk.nodeId;
    const nodes = Array.from({ length: workers }, (_, at) => `${name}-${at + 1}`);
    await applyFormerSpools({
      sql: database.sql,
      directory: join(directory, "spool"),
      claim: (former) => claimNode(database.url, nodeId(former), clock),
      isOthers: (former) => nodes.includes(former),
      region: config.region,
      clock,
      log,
    });
    // What a process that was killed had begun to store; each worker has a place of its own in it.
    await rm(join(directory, "media", "staging"), { recursive: true, force: true });
    return {
      nodes,
      isAlone,
      env: {
        SLUICE_DATA_DIR: directory,
        DATABASE_URL: database.url,
        NATS_URL: ownNats?.url ?? config.natsUrls.join(","),
        SLUICE_MASTER_SECRET: Buffer.from(config.masterSecret ?? disk.masterSecret).toString("hex"),
      },
      adminKeyShownOnce: admin.shownOnce,
      close,
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}
