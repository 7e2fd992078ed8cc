import type { VendorAccount } from "./vendor.ts";

/** What a client saw of one request. Amounts are micropoints. */
export type ClientRecord =
  /** A whole answer, and what it must cost. */
  | { readonly seen: "served"; readonly payer: string; readonly id: string; readonly cost: bigint }
  /** An answer that began and did not end: anything up to the whole cost may be charged. */
  | { readonly seen: "cut"; readonly payer: string; readonly id: string; readonly most: bigint }
  /** An error answer: nothing may be charged. */
  | { readonly seen: "refused"; readonly payer: string; readonly id: string; readonly status: number }
  /** No answer at all. */
  | { readonly seen: "lost"; readonly payer: string; readonly most: bigint };

export interface UsageRow {
  readonly id: string;
  readonly tenant: string;
  readonly charged: bigint;
  readonly loss: bigint;
  readonly flags: readonly string[];
}

export interface TenantBooks {
  readonly tenant: string;
  readonly toppedUp: bigint;
  /** In the tenant's account and all purses. */
  readonly balance: bigint;
}

export interface Books {
  readonly clients: readonly ClientRecord[];
  readonly vendor: VendorAccount;
  readonly usage: readonly UsageRow[];
  readonly tenants: readonly TenantBooks[];
}

export interface Finding {
  readonly kind: "lost charge" | "wrong charge" | "double charge" | "charge without a call" | "wrong balance";
  readonly detail: string;
}

/** Holds what clients and the vendor saw against what the ledger has. */
export function audit(books: Books): readonly Finding[] {
  const rows = new Map<string, UsageRow[]>();
  for (const row of books.usage) rows.set(row.id, [...(rows.get(row.id) ?? []), row]);
  return [
    ...[...rows]
      .filter(([, same]) => same.length > 1)
      .map(([id]) => found("double charge", `${id} has two rows`)),
    ...books.clients.flatMap((record) => auditRequest(record, rows)),
    ...auditUnseen(books, rows),
    ...auditCalls(books),
    ...auditBalances(books),
  ];
}

function auditRequest(
  record: ClientRecord,
  rows: ReadonlyMap<string, readonly UsageRow[]>,
): readonly Finding[] {
  if (record.seen === "lost") return [];
  const row = rows.get(record.id)?.[0];
  const charged = row?.charged ?? 0n;
  switch (record.seen) {
    case "served":
      if (row === undefined)
        return [found("lost charge", `${record.id} was served and is not in the ledger`)];
      if (charged === record.cost) return [];
      return [
        found(
          "wrong charge",
          `${record.id} cost ${record.cost} and was charged ${charged} (${row.flags.join()})`,
        ),
      ];
    case "cut":
      if (charged <= record.most) return [];
      return [found("wrong charge", `${record.id} was cut and charged ${charged}, above ${record.most}`)];
    case "refused":
      if (charged === 0n) return [];
      return [found("wrong charge", `${record.id} was refused with ${record.status} and charged ${charged}`)];
  }
}

/** Rows that no client can name must be of requests that were lost, not more of them, and not dearer. */
function auditUnseen({ clients, usage }: Books, rows: ReadonlyMap<string, unknown>): readonly Finding[] {
  const named = new Set(clients.flatMap((record) => (record.seen === "lost" ? [] : [record.id])));
  const unseen = usage.filter(({ id, charged }) => charged > 0n && !named.has(id) && rows.has(id));
  const lost = new Map<string, bigint[]>();
  for (const record of clients) {
    if (record.seen === "lost") lost.set(record.payer, [...(lost.get(record.payer) ?? []), record.most]);
  }
  return unseen.flatMap(({ id, tenant, charged }) => {
    const possible = lost.get(tenant) ?? [];
    const index = possible.findIndex((most) => charged <= most);
    if (index < 0) return [found("charge without a call", `${id} of ${tenant} is nobody's request`)];
    possible.splice(index, 1);
    return [];
  });
}

function auditCalls({ usage, vendor }: Books): readonly Finding[] {
  const charges = new Map<string, number>();
  for (const { tenant, charged } of usage) {
    if (charged > 0n) charges.set(tenant, (charges.get(tenant) ?? 0) + 1);
  }
  return [...charges]
    .filter(([tenant, count]) => count > (vendor.calls[tenant] ?? 0))
    .map(([tenant, count]) =>
      found(
        "charge without a call",
        `${tenant} was charged ${count} times, called ${vendor.calls[tenant] ?? 0} times`,
      ),
    );
}

function auditBalances({ tenants, usage }: Books): readonly Finding[] {
  const spent = new Map<string, bigint>();
  for (const { tenant, charged } of usage) spent.set(tenant, (spent.get(tenant) ?? 0n) + charged);
  return tenants.flatMap(({ tenant, toppedUp, balance }) => {
    const used = spent.get(tenant) ?? 0n;
    if (balance < 0n) return [found("wrong balance", `${tenant} is overdrawn: ${balance}`)];
    if (used + balance === toppedUp) return [];
    return [found("wrong balance", `${tenant}: ${toppedUp} topped up, ${used} spent, ${balance} left`)];
  });
}

const found = (kind: Finding["kind"], detail: string): Finding => ({ kind, detail });
