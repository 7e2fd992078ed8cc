import type { NodeId, TenantId } from "../core/ids.ts";
import { formatPoints, type Micropoints, micropointsOf } from "../core/points.ts";
import type { Sql } from "./database.ts";

export interface Reconciliation {
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** What was compared, or what is wrong. */
  readonly detail: string;
}

/** What this node believes, to be held against the ledger. */
export interface NodeBooks {
  readonly node: NodeId;
  /** Waits until the ledger has all that the spool holds. */
  flush(): Promise<void>;
  /** By tenant: what is in the node's purse, in memory. */
  purses(): ReadonlyMap<TenantId, PurseBooks>;
  /** The requests that hold points right now, and since when (monotonic milliseconds). */
  oldestHoldMs(): number;
  /** Requests admitted and not ended, by the spool's count, and how many are really running. */
  openIntents(): { readonly spooled: number; readonly running: number };
}

export interface PurseBooks {
  readonly available: Micropoints;
  readonly held: Micropoints;
  readonly unsettled: Micropoints;
}

/** No request runs longer (a job has an hour at its vendor, and some minutes before and after it): an older hold is nobody's. */
const LONGEST_HOLD_MS = 5_400_000;

/** How often a comparison with the running node is tried: between two looks a request may end. */
const LOOKS = 5;

type Snapshot = Pick<Sql, "unsafe">;

/** What a node found when it held its own books against the ledger. */
export interface NodeChecks {
  readonly node: NodeId;
  readonly checks: readonly Check[];
}

/**
 * Holds the ledger against itself and against what the nodes believe. Runs while traffic goes on.
 * @param others the same of the other nodes of the cluster, asked while this one checks itself
 */
export async function reconcile(
  sql: Sql,
  books: NodeBooks,
  others: () => Promise<readonly NodeChecks[]> = async () => [],
): Promise<Reconciliation> {
  const [own, theirs] = await Promise.all([checkNode(sql, books), others()]);
  const inLedger = await sql.begin("isolation level repeatable read read only", (snapshot) =>
    Promise.all(LEDGER_CHECKS.map((check) => runCheck(snapshot, check))),
  );
  const checks = [...inLedger, ...merged([own, ...theirs])];
  return { ok: checks.every(({ ok }) => ok), checks };
}

/** One node's part: its spool is in the ledger, its purses are what the ledger says, no hold belongs to nobody. */
export async function checkNode(sql: Sql, books: NodeBooks): Promise<NodeChecks> {
  const checks = [await checkFlush(books), await checkPurses(sql, books), await checkHolds(books)];
  return { node: books.node, checks };
}

/** One check for all nodes: well when it is well on each. */
function merged(nodes: readonly NodeChecks[]): readonly Check[] {
  const names = new Set(nodes.flatMap(({ checks }) => checks.map(({ name }) => name)));
  return [...names].map((name) => {
    const found = nodes.flatMap(({ node, checks }) =>
      checks.filter((check) => check.name === name).map((check) => ({ ...check, node })),
    );
    const told = found.some(({ ok }) => !ok) ? found.filter(({ ok }) => !ok) : found;
    const detail =
      nodes.length === 1
        ? (told[0]?.detail ?? "")
        : told.map((check) => `${check.node}: ${check.detail}`).join("; ");
    return { name, ok: found.every(({ ok }) => ok), detail };
  });
}

interface LedgerCheck {
  readonly name: string;
  /** Answers one row: how many were looked at, how many are wrong, an example. */
  readonly query: string;
}

const LEDGER_CHECKS: readonly LedgerCheck[] = [
  {
    name: "debits_equal_credits",
    query: `select count(*) as looked, (sum(balance) <> 0)::int as wrong, sum(balance)::text as example from account`,
  },
  {
    name: "balances_equal_entries",
    query: `select count(*) as looked, count(*) filter (where balance <> moved) as wrong,
              min(case when balance <> moved then kind || ' ' || coalesce(tenant, '') || ' has ' || balance ||
                       ', its entries sum to ' || moved end) as example
            from (select a.kind, a.tenant, a.balance,
                    coalesce((select sum(amount) from transfer where credit = a.id), 0) -
                    coalesce((select sum(amount) from transfer where debit = a.id), 0) as moved from account a) sums`,
  },
  {
    name: "no_overdraft",
    query: `select count(*) as looked, count(*) filter (where balance + overdraft < 0) as wrong,
              min(case when balance + overdraft < 0 then kind || ' of ' || tenant || ' is ' || balance end) as example
            from account where kind in ('tenant', 'purse')`,
  },
  {
    name: "usage_once",
    query: `select (select count(*) from usage) as looked, count(*) as wrong, min(id) as example
            from (select id from usage group by id having count(*) > 1) twice`,
  },
  {
    name: "settlements_equal_usage",
    query: `select count(*) as looked, count(*) filter (where amount <> used) as wrong,
              min(case when amount <> used then id || ' moved ' || amount || ', its usage sums to ' || used end) as example
            from (select t.id, t.amount, coalesce((select sum(u.charged) from usage u where u.settle = t.id), 0) as used
                  from transfer t where t.kind = 'settle'
                  union all
                  select t.id, t.amount, coalesce((select sum(u.loss) from usage u where u.settle_loss = t.id), 0)
                  from transfer t where t.kind = 'loss'
                  union all
                  select 'usage ' || u.id, u.charged + u.loss, 0 from usage u
                  where (u.charged > 0 and not exists (select 1 from transfer t where t.id = u.settle))
                     or (u.loss > 0 and not exists (select 1 from transfer t where t.id = u.settle_loss))) sums`,
  },
  {
    name: "rollups_equal_usage",
    query: `select count(*) as looked, count(*) filter (where rolled <> used) as wrong,
              min(case when rolled <> used then tenant || ': hourly sums ' || rolled || ', rows ' || used end) as example
            from (select tenant, sum(rolled) as rolled, sum(used) as used from (
                    select tenant, charged as rolled, 0 as used from usage_rollup
                    union all select tenant, 0, charged from usage) parts group by tenant) sums`,
  },
  {
    name: "no_spool_gap",
    query: `select (select count(*) from node) as looked, count(*) as wrong,
              min(node || ' lacks its records from ' || expected || ' to ' || (found - 1)) as example from spool_gap`,
  },
];

async function runCheck(snapshot: Snapshot, { name, query }: LedgerCheck): Promise<Check> {
  const [row] =
    await snapshot.unsafe<{ looked: bigint; wrong: bigint | number; example: string | null }[]>(query);
  const wrong = Number(row?.wrong ?? 1);
  const detail =
    wrong === 0 ? `${row?.looked ?? 0} looked at` : `${wrong} wrong: ${row?.example ?? "no answer"}`;
  return { name, ok: wrong === 0, detail };
}

async function checkFlush(books: NodeBooks): Promise<Check> {
  const name = "spool_applied";
  try {
    await books.flush();
    return { name, ok: true, detail: "the ledger has everything that this node's spool holds" };
  } catch (thrown) {
    return { name, ok: false, detail: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

/** The ledger's purse is what the node has, holds and charged without its being booked yet. */
async function checkPurses(sql: Sql, books: NodeBooks): Promise<Check> {
  const name = "purses_equal_leases";
  let wrong: readonly string[] = [];
  for (let look = 0; look < LOOKS; look += 1) {
    const rows = await sql<{ tenant: TenantId; balance: bigint }[]>`
      select tenant, balance from account where kind = 'purse' and node = ${books.node}`;
    const own = books.purses();
    const inLedger = new Map(rows.map(({ tenant, balance }) => [tenant, balance]));
    wrong = [...new Set([...inLedger.keys(), ...own.keys()])].flatMap((tenant) => {
      const balance = inLedger.get(tenant) ?? 0n;
      const purse = own.get(tenant);
      const believed = purse === undefined ? 0n : purse.available + purse.held + purse.unsettled;
      if (believed === balance) return [];
      const [ledger, node] = [formatPoints(micropointsOf(balance)), formatPoints(micropointsOf(believed))];
      return [`${tenant}: the ledger has ${ledger}, the node ${node}`];
    });
    if (wrong.length === 0) return { name, ok: true, detail: `${rows.length} looked at` };
    await books.flush().catch(() => undefined);
  }
  return { name, ok: false, detail: wrong.slice(0, 3).join("; ") };
}

/** Every hold belongs to a request that runs, and the spool and the gateway agree on which those are. */
async function checkHolds(books: NodeBooks): Promise<Check> {
  const name = "no_leaked_hold";
  let wrong: string | undefined;
  for (let look = 0; look < LOOKS; look += 1) {
    wrong = leakedHold(books);
    if (wrong === undefined)
      return { name, ok: true, detail: `${books.openIntents().running} requests running` };
    await books.flush().catch(() => undefined);
  }
  return { name, ok: false, detail: wrong ?? "" };
}

function leakedHold(books: NodeBooks): string | undefined {
  const { spooled, running } = books.openIntents();
  if (spooled !== running) return `${spooled} requests are open in the spool, ${running} are running`;
  const holding = [...books.purses()].filter(([, { held }]) => held > 0n).length;
  if (running === 0 && holding > 0) return `${holding} purses hold points while nothing runs`;
  const oldest = books.oldestHoldMs();
  return oldest > LONGEST_HOLD_MS ? `a request has held points for ${Math.round(oldest)} ms` : undefined;
}
