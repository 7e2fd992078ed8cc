import { seededRandom } from "../../../src/core/random.ts";
import { audit, type ClientRecord, type Finding } from "./books.ts";
import { keepEvidence } from "./evidence.ts";
import { type Funded, readLedger } from "./ledger-books.ts";
import { progressOf, startLoad } from "./load.ts";
import { type Mischief, planMischief } from "./mischief.ts";
import { type FundedPayer, type Operator, operatorOf } from "./operator.ts";
import { quiet, spendTheRest, stillValid } from "./quiet.ts";
import { type RunReport, summary } from "./report.ts";
import { commit } from "./trouble.ts";
import { MODEL, openWorld, type World, type WorldOptions } from "./world.ts";

export interface RunOptions extends WorldOptions {
  readonly seed: number;
  /** Of load and troubles; starting, healing and counting come on top. */
  readonly seconds: number;
  readonly withIdempotency: boolean;
  /** Told what is running, so that whoever interrupts can end it. */
  opened(world: World): void;
}

const CLIENTS = 64;
const REVOKED_CLIENTS = 2;
const SMALL_TENANTS = 1_000;
const BIG = { points: 5_000, more: 500 };
const SMALL = { points: 2, more: 1, toppedUp: 20 };
const REVOKED_POINTS = 50;
const FUNDED_AT_ONCE = 20;
const TOLD_MS = 5_000;
/** Parts of the load's time at which an operator acts. */
const TOP_UP_AT = 0.4;
const REVOKE_AT = 0.6;
/** The dearest request; less than this is left of a balance that was spent. */
const MOST_LEFT = 1_000_000n;
/** Plans of neighbouring seeds begin alike otherwise. */
const SPREAD = 40_503;
const LOOK_MS = 500;

/** One wall: load and troubles, healing, audit. */
export async function runWall(options: RunOptions): Promise<RunReport> {
  const { seed, seconds, nodes, say } = options;
  const world = await openWorld(options);
  options.opened(world);
  try {
    const operator = operatorOf(world);
    say(`funding ${SMALL_TENANTS + 2} tenants`);
    const payers = await fund(operator);
    const plan = planMischief(seededRandom(seed * SPREAD), seconds * 1_000, nodes);
    const watch = watchOverdrafts(world);
    const records = [...(await loadAndTrouble(world, options, { payers, operator, plan }))];
    say("everything is healed, waiting for quiet");
    const healedAt = performance.now();
    const brokenBefore = await quiet(world, say);
    const quietMs = performance.now() - healedAt;
    say("spending what is left of the big balance");
    const isSpent = await spendTheRest(world, payers.big, records);
    const revoked = await stillValid(world, payers.revoked, records);
    const broken = [...brokenBefore, ...(await quiet(world, say))];
    const overdrafts = await watch.stop();
    say("counting");
    const told = { records, broken, overdrafts, quietMs, extra: revoked };
    return await reportOf(world, options, { payers, plan, isSpent, ...told });
  } finally {
    await keepEvidence(world, seed);
    await world.close();
  }
}

interface Payers {
  readonly big: FundedPayer;
  readonly small: readonly FundedPayer[];
  readonly revoked: FundedPayer;
}

async function fund(operator: Operator): Promise<Payers> {
  const [big, revoked] = [await operator.fund(BIG.points), await operator.fund(REVOKED_POINTS)];
  const small: FundedPayer[] = [];
  while (small.length < SMALL_TENANTS) {
    const some = Array.from({ length: FUNDED_AT_ONCE }, () => operator.fund(SMALL.points));
    small.push(...(await Promise.all(some)));
  }
  return { big, small, revoked };
}

const toppedUpLater = ({ small }: Payers): readonly FundedPayer[] => small.slice(0, SMALL.toppedUp);

interface Scene {
  readonly payers: Payers;
  readonly operator: Operator;
  readonly plan: readonly Mischief[];
}

async function loadAndTrouble(
  world: World,
  { seed, seconds, withIdempotency, say }: RunOptions,
  { payers, operator, plan }: Scene,
): Promise<readonly ClientRecord[]> {
  const startedAt = performance.now();
  const common = { model: MODEL, urls: world.nodes.map(({ gateway }) => gateway.url), withIdempotency };
  const { big, small, revoked } = payers;
  const loads = [
    startLoad({ ...common, seed, clients: CLIENTS, big, small }),
    startLoad({ ...common, seed: seed + 500_000, clients: REVOKED_CLIENTS, big: revoked, small: [] }),
  ];
  const recorded = (): readonly ClientRecord[] => loads.flatMap(({ records }) => records);
  const told = setInterval(() => say(progressOf(recorded(), performance.now() - startedAt)), TOLD_MS);
  const at = (part: number): Promise<void> => Bun.sleep(part * seconds * 1_000);
  try {
    await Promise.all([
      ...plan.map((one) => commit(world, one, startedAt, say)),
      at(TOP_UP_AT).then(() => topUpAll(operator, payers, say)),
      at(REVOKE_AT).then(() => operator.revoke(revoked)),
      at(1),
    ]);
  } finally {
    clearInterval(told);
    await Promise.all(loads.map((load) => load.stop()));
  }
  return recorded();
}

async function topUpAll(operator: Operator, payers: Payers, say: RunOptions["say"]): Promise<void> {
  say("topping up");
  await operator.topUp(payers.big, BIG.more, "second");
  for (const payer of toppedUpLater(payers)) await operator.topUp(payer, SMALL.more, "second");
}

/** Looks past the gateway, at any moment: no account is ever below what it may owe. */
function watchOverdrafts({ sql }: World) {
  let isOver = false;
  const look = async (): Promise<number> => {
    let seen = 0;
    while (!isOver) {
      const [row] = await sql<{ count: bigint }[]>`
        select count(*) from account where kind in ('tenant', 'purse') and balance + overdraft < 0`;
      seen += Number(row?.count ?? 0n);
      await Bun.sleep(LOOK_MS);
    }
    return seen;
  };
  const looking = look();
  return {
    stop(): Promise<number> {
      isOver = true;
      return looking;
    },
  };
}

interface Seen {
  readonly payers: Payers;
  readonly plan: readonly Mischief[];
  readonly records: readonly ClientRecord[];
  readonly broken: readonly string[];
  readonly overdrafts: number;
  readonly quietMs: number;
  readonly isSpent: boolean;
  readonly extra: readonly Finding[];
}

async function reportOf(world: World, { seed, nodes }: RunOptions, seen: Seen): Promise<RunReport> {
  const { payers, isSpent, extra, ...told } = seen;
  const { records } = told;
  const { usage, tenants, findings } = await readLedger(world, fundedOf(payers), records);
  const vendor = await world.vendorAccount();
  const left = tenants.find(({ tenant }) => tenant === payers.big.tenant)?.balance ?? 0n;
  const denied: Finding[] = isSpent && left <= MOST_LEFT ? [] : [deniedFinding(left, isSpent)];
  const found = [...audit({ clients: records, vendor, usage, tenants }), ...findings, ...extra, ...denied];
  return summary({ ...told, seed, nodes, usage, tenants, vendor, findings: found });
}

const deniedFinding = (left: bigint, isSpent: boolean): Finding => ({
  kind: "denied what is there",
  detail: `${left} are left of the big balance, which is ${isSpent ? "denied" : "not spent to its end in time"}`,
});

function fundedOf(payers: Payers): readonly Funded[] {
  const more = new Set(toppedUpLater(payers));
  const points = (count: number): bigint => BigInt(count) * 1_000_000n;
  return [
    { payer: payers.big, toppedUp: points(BIG.points + BIG.more) },
    { payer: payers.revoked, toppedUp: points(REVOKED_POINTS), isRevoked: true },
    ...payers.small.map((payer) => ({
      payer,
      toppedUp: points(SMALL.points + (more.has(payer) ? SMALL.more : 0)),
    })),
  ];
}
