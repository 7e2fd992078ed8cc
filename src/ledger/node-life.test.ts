import { afterEach, beforeEach, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../tests/postgres.ts";
import { systemClock } from "../core/clock.ts";
import { nodeId } from "../core/ids.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { claimNode, type NodeClaim } from "./node-claim.ts";
import { type NodeLife, watchLife } from "./node-life.ts";
import { registerNode } from "./nodes.ts";

const node = nodeId("n1");
let database: TestDatabase;
let clock: ManualClock;
let claim: NodeClaim;
let life: NodeLife;
let end: string | undefined;
const open: NodeClaim[] = [];

const claimed = async (): Promise<NodeClaim> => {
  const taken = await claimNode(database.url, node, systemClock);
  if (taken === undefined) throw new Error("the name is taken");
  open.push(taken);
  return taken;
};

beforeEach(async () => {
  database = await testDatabase();
  clock = new ManualClock();
  claim = await claimed();
  const { epoch } = await registerNode(database.sql, node);
  life = watchLife({ sql: database.sql, node, epoch, claim, clock });
  end = undefined;
  void life.over.then((why) => {
    end = why;
  });
});
afterEach(async () => {
  life.stop();
  await Promise.all(open.splice(0).map((each) => each.release()));
  await database.drop();
});

/** Lets it look, and answers what it found. */
const looked = async (): Promise<string | undefined> => {
  await clock.advance(5_000);
  await Bun.sleep(200);
  return end;
};

/** As a restart of Postgres or a broken network does. */
const loseConnections = async (): Promise<void> => {
  await database.sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = ${`sluice ${node}`} and datname = current_database()`;
};

test("a node that lives on hears nothing, also when its connection was lost: it takes its name again", async () => {
  expect(await looked()).toBeUndefined();
  await loseConnections();
  expect(await looked()).toBeUndefined();
  expect(await looked()).toBeUndefined();
  const other = claimNode(database.url, node, clock);
  for (let tries = 0; tries < 40; tries += 1) {
    await Bun.sleep(5);
    await clock.advance(200);
  }
  expect(await other).toBeUndefined();
});

test("a node that was released is told", async () => {
  await registerNode(database.sql, node);
  expect(await looked()).toContain("was released");
});

test("a node whose name another process took while its connection was lost is told", async () => {
  await loseConnections();
  await claimed();
  await looked();
  expect(await looked()).toContain("Another process runs as node 'n1'");
});
