import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestDatabase, testDatabase } from "../../../tests/postgres.ts";
import { systemClock } from "../../core/clock.ts";
import { tenantId } from "../../core/ids.ts";
import { silentLog } from "../../core/log.ts";
import { type Micropoints, micropointsOf, ZERO } from "../../core/points.ts";
import { type Accounts, createAccounts } from "../accounts.ts";
import type { Sql } from "../database.ts";
import { registerNode } from "../nodes.ts";
import { type Files, systemFiles } from "../spool/files.ts";
import type { OpenIntent } from "../spool/replay.ts";
import { Spool } from "../spool/spool.ts";
import { createTenants } from "../tenants.ts";
import { UsageWriter } from "../usage-writer.ts";
import type { Watermark } from "../watermark.ts";
import { node } from "./records.ts";

export const tenant = tenantId("t");
export const µ = (amount: number): Micropoints => micropointsOf(BigInt(amount));

export interface Started {
  readonly spool: Spool;
  readonly writer: UsageWriter;
  readonly open: readonly OpenIntent[];
  readonly from: Watermark;
  /** What the writer told to have booked. */
  readonly booked: readonly Micropoints[];
}

export interface StartOptions {
  readonly segmentBytes?: number;
  /** Connections of the writer's own. */
  readonly sql?: Sql;
  /** The spool's directory. */
  readonly at?: string;
  readonly files?: Files;
}

export interface SmallLedger {
  readonly database: TestDatabase;
  readonly sql: Sql;
  readonly accounts: Accounts;
  readonly directory: string;
  /** Starts the node: its spool and the writer that carries it into the ledger. */
  start(options?: StartOptions): Promise<Started>;
  /** Moves points into the node's purse. */
  grant(amount: number): Promise<Micropoints>;
  charges(): Promise<readonly ChargeRow[]>;
  drop(): Promise<void>;
}

export interface ChargeRow {
  readonly id: string;
  readonly charged: bigint;
  readonly loss: bigint;
  readonly flags: readonly string[];
  readonly outcome: string;
}

/** A ledger with one tenant, who has 10,000 micropoints, and a directory for the spool of one node. */
export async function smallLedger(): Promise<SmallLedger> {
  const database = await testDatabase();
  const { sql } = database;
  const directory = mkdtempSync(join(tmpdir(), "small-ledger-"));
  const accounts = createAccounts(sql);
  await createTenants(sql).create({ id: tenant, name: "T", tier: "normal", overdraft: ZERO });
  await accounts.topUp(tenant, µ(10_000), "first");
  return {
    database,
    sql,
    accounts,
    directory,
    async start({ segmentBytes = 1e8, sql: own = sql, at = directory, files = systemFiles } = {}) {
      const from = await registerNode(sql, node);
      const clock = systemClock;
      const log = silentLog;
      const options = { directory: at, files, clock, log, floor: from, capBytes: 1e9, segmentBytes };
      const { spool, open } = Spool.open(options);
      const booked: Micropoints[] = [];
      const onBooked = (_tenant: string, charged: Micropoints) => void booked.push(charged);
      const writer = new UsageWriter({ sql: own, spool, node, clock, log, from, onBooked });
      return { spool, writer, open, from, booked };
    },
    grant: (amount) =>
      accounts.grant({ id: `g${amount}`, tenant, node, amount: µ(amount), atLeast: µ(amount) }),
    async charges() {
      return [...(await sql<ChargeRow[]>`select id, charged, loss, flags, outcome from usage order by id`)];
    },
    async drop() {
      await database.drop();
      rmSync(directory, { recursive: true });
    },
  };
}
