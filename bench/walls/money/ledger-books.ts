import type { Sql } from "../../../src/ledger/database.ts";
import { micro } from "../../../tests/gateway.ts";
import type { ClientRecord, Finding, TenantBooks, UsageRow } from "./books.ts";
import type { Payer } from "./client.ts";
import type { WallNode, World } from "./world.ts";

/** What the ledger has, read from Postgres itself, and what nodes say of it. */
export interface LedgerBooks {
  readonly usage: readonly UsageRow[];
  readonly tenants: readonly TenantBooks[];
  /** Rows of the ledger's own that contradict each other. */
  readonly findings: readonly Finding[];
}

export interface Funded {
  readonly payer: Payer;
  readonly toppedUp: bigint;
  /** Its key shows nothing any more. */
  readonly isRevoked?: boolean;
}

/** Receipts that are compared with their rows: all of answers that were cut, and so many others. */
const RECEIPTS = 300;
const AT_ONCE = 16;

export async function readLedger(
  { sql, nodes }: World,
  funded: readonly Funded[],
  records: readonly ClientRecord[],
): Promise<LedgerBooks> {
  const usage = await sql<UsageRow[]>`
    select id, tenant, outcome, charged, loss, flags,
           concat_ws(' ', node, error_code, duration_ms || ' ms', usage::text, attempts::text) as about from usage`;
  const balances = await sql<{ tenant: string; balance: bigint }[]>`
    select tenant, sum(balance)::bigint as balance from account where tenant is not null group by tenant`;
  const balanceOf = new Map(balances.map(({ tenant, balance }) => [tenant, balance]));
  const tenants = await inParallel(funded, async ({ payer: { tenant }, toppedUp }, index) => {
    const told = await toldBalance(nodes[index % nodes.length], tenant);
    return {
      tenant,
      toppedUp,
      balance: balanceOf.get(tenant) ?? 0n,
      ...(told === undefined ? {} : { told }),
    };
  });
  const findings = [...(await checkTransfers(sql)), ...(await checkReceipts(nodes, funded, records, usage))];
  return { usage, tenants, findings };
}

async function toldBalance(node: WallNode | undefined, tenant: string) {
  if (node === undefined) throw new Error("a wall has nodes");
  const asked = node.gateway.admin<Record<"balance" | "available" | "spent", string>>(
    "GET",
    `/tenants/${tenant}/balance`,
  );
  // A node whose books are not booked yet does not tell; that it finds them wrong is reported already.
  const told = await asked.catch(() => undefined);
  if (told === undefined) return undefined;
  return { balance: micro(told.balance), available: micro(told.available), spent: micro(told.spent) };
}

/** Points come from top-ups alone and go to revenue alone: transfers, accounts and rows must say the same. */
async function checkTransfers(sql: Sql): Promise<readonly Finding[]> {
  const [sums] = await sql<
    { topups: bigint; settled: bigint; losses: bigint; left: bigint; charged: bigint; lost: bigint }[]
  >`
    select (select coalesce(sum(amount), 0)::bigint from transfer where kind = 'topup') as topups,
           (select coalesce(sum(amount), 0)::bigint from transfer where kind = 'settle') as settled,
           (select coalesce(sum(amount), 0)::bigint from transfer where kind = 'loss') as losses,
           (select coalesce(sum(balance), 0)::bigint from account where tenant is not null) as left,
           (select coalesce(sum(charged), 0)::bigint from usage) as charged,
           (select coalesce(sum(loss), 0)::bigint from usage) as lost`;
  if (sums === undefined) throw new Error("sums are always there");
  const { topups, settled, losses, left, charged, lost } = sums;
  const wrong = (detail: string): Finding => ({ kind: "wrong balance", detail });
  return [
    ...(topups === settled + left
      ? []
      : [wrong(`${topups} came in, ${settled} were settled, ${left} are left`)]),
    ...(settled === charged ? [] : [wrong(`${settled} were settled, rows are charged ${charged}`)]),
    ...(losses === lost ? [] : [wrong(`${losses} were booked as losses, rows say ${lost}`)]),
  ];
}

/** What the caller is shown is what the ledger has, on any node. */
async function checkReceipts(
  nodes: readonly WallNode[],
  funded: readonly Funded[],
  records: readonly ClientRecord[],
  usage: readonly UsageRow[],
): Promise<readonly Finding[]> {
  const keys = new Map(
    funded.flatMap(({ payer, isRevoked }) => (isRevoked ? [] : [[payer.tenant, payer.key]])),
  );
  const rows = new Map(usage.map((row) => [row.id, row]));
  const shown = records.filter(({ payer }) => keys.has(payer));
  const cut = shown.filter((one) => one.seen === "cut");
  const served = shown.filter((one) => one.seen === "served");
  const step = Math.max(1, Math.floor(served.length / RECEIPTS));
  const looked = [...cut.slice(0, RECEIPTS), ...served.filter((_, index) => index % step === 0)];
  const findings = await inParallel(looked, async ({ id, payer }, index) => {
    const row = rows.get(id);
    if (row === undefined) return [];
    const response = await fetch(`${nodes[index % nodes.length]?.gateway.url}/v1/receipts/${id}`, {
      headers: { authorization: `Bearer ${keys.get(payer)}` },
    });
    const text = await response.text();
    const amount = /"charged":"([\d.]+)"/.exec(text)?.[1];
    if (response.ok && amount !== undefined && micro(amount) === row.charged) return [];
    const detail = `${id}: the row says ${row.charged}, the receipt ${response.status} ${text.slice(0, 200)}`;
    return [{ kind: "wrong receipt", detail } satisfies Finding];
  });
  return findings.flat();
}

async function inParallel<Item, Value>(
  items: readonly Item[],
  run: (item: Item, index: number) => Promise<Value>,
): Promise<Value[]> {
  const values: Value[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE) {
    const part = items.slice(at, at + AT_ONCE);
    values.push(...(await Promise.all(part.map((item, index) => run(item, at + index)))));
  }
  return values;
}
