import { PROMPT_TOKENS, type PromptAccount, type VendorAccount } from "./vendor.ts";

/** Micropoints a token, in and out. */
export const TOKEN_PRICE = 10_000n;

interface Asked {
  readonly payer: string;
  readonly prompt: string;
  /** The `Idempotency-Key` under which it was asked, perhaps several times: all of them together are charged once. */
  readonly once?: string;
}

/** What a client saw of one request. `id` is the gateway's name for it. */
export type ClientRecord =
  /** A whole answer, with so many output tokens. */
  | (Asked & { readonly seen: "served"; readonly id: string; readonly output: number })
  /** An answer that began and did not end. */
  | (Asked & { readonly seen: "cut"; readonly id: string })
  /** An error answer. */
  | (Asked & {
      readonly seen: "refused";
      readonly id: string;
      readonly status: number;
      readonly code: string;
      readonly message?: string;
    })
  /** No answer at all. */
  | (Asked & { readonly seen: "lost" });

/** A row of the ledger, read from it directly. Amounts are micropoints. */
export interface UsageRow {
  readonly id: string;
  readonly tenant: string;
  readonly outcome: string;
  readonly charged: bigint;
  readonly loss: bigint;
  readonly flags: readonly string[];
  /** Whatever else says how it came to be. */
  readonly about?: string;
}

export interface TenantBooks {
  readonly tenant: string;
  readonly toppedUp: bigint;
  /** In the tenant's account and all purses. */
  readonly balance: bigint;
  /** What the admin API says, if it was asked. */
  readonly told?: { readonly balance: bigint; readonly available: bigint; readonly spent: bigint };
}

export interface Books {
  readonly clients: readonly ClientRecord[];
  readonly vendor: VendorAccount;
  readonly usage: readonly UsageRow[];
  readonly tenants: readonly TenantBooks[];
}

export type FindingKind =
  | "lost charge"
  | "wrong charge"
  | "double charge"
  | "charge without a call"
  | "wrong loss"
  | "wrong answer"
  | "wrong balance"
  | "wrong receipt"
  | "key still valid"
  | "denied what is there";

export interface Finding {
  readonly kind: FindingKind;
  readonly detail: string;
}

/** The price of one call. */
export const priceOf = (outputTokens: number): bigint => BigInt(PROMPT_TOKENS + outputTokens) * TOKEN_PRICE;

/** Holds what clients and the vendor saw against what the ledger has. */
export function audit(books: Books): readonly Finding[] {
  const rows = new Map<string, UsageRow[]>();
  for (const row of books.usage) rows.set(row.id, [...(rows.get(row.id) ?? []), row]);
  return [
    ...[...rows.values()].flatMap((same) =>
      same.length > 1 ? [found("double charge", `${same[0]?.id} has ${same.length} rows`)] : [],
    ),
    ...books.clients.flatMap((record) => auditRequest(record, rows, books.vendor)),
    ...auditOnce(books.clients, rows),
    ...auditUnseen(books),
    ...auditCalls(books),
    ...auditLosses(books),
    ...auditBalances(books),
  ];
}

const NEVER_CALLED: PromptAccount = { asked: 0, calls: 0, whole: 0, most: 0, all: 0 };
const callsOf = (vendor: VendorAccount, prompt: string): PromptAccount =>
  vendor.prompts[prompt] ?? NEVER_CALLED;

/**
 * The most that one request for this prompt may cost: what the vendor handed over of it. Of an answer whose usage was
 * never told it is estimated, and its row says so: a token for four bytes of the body and four characters of output.
 */
function mostOf(vendor: VendorAccount, prompt: string, flags: readonly string[]): bigint {
  const { asked, calls, most } = callsOf(vendor, prompt);
  const isEstimated = flags.some((flag) => ESTIMATED.includes(flag));
  // A client that left while the vendor had the prompt pays for that, and nobody learns what would have come.
  if (asked === 0 || (calls === 0 && !isEstimated)) return 0n;
  if (!isEstimated) return priceOf(most);
  const output = Math.ceil((most * CHARS_A_TOKEN) / 4);
  return BigInt(ESTIMATED_PROMPT_TOKENS + output) * TOKEN_PRICE;
}
const ESTIMATED: readonly string[] = ["usage_estimated", "in_doubt"];
/** The wall's bodies have fewer than 200 bytes; " word" has five characters. */
const ESTIMATED_PROMPT_TOKENS = 50;
const CHARS_A_TOKEN = 5;

function auditRequest(
  record: ClientRecord,
  rows: ReadonlyMap<string, readonly UsageRow[]>,
  vendor: VendorAccount,
): readonly Finding[] {
  if (record.seen === "lost") return [];
  const row = rows.get(record.id)?.[0];
  const name = `${record.id} (${record.prompt})`;
  const { calls, most } = callsOf(vendor, record.prompt);
  switch (record.seen) {
    case "served": {
      if (calls === 0 || record.output > most)
        return [found("wrong answer", `${name} has ${record.output} tokens, the vendor handed over ${most}`)];
      if (row === undefined) return [found("lost charge", `${name} was served and is not in the ledger`)];
      const price = priceOf(record.output);
      if (row.charged === price) return [];
      return [
        found("wrong charge", `${name} was served for ${price}, charged ${row.charged} ${aboutOf(row)}`),
      ];
    }
    case "cut": {
      if (row === undefined)
        return calls === 0 ? [] : [found("lost charge", `${name} was begun and is not in the ledger`)];
      const limit = mostOf(vendor, record.prompt, row.flags);
      if (row.charged <= limit) return [];
      const kind = limit === 0n ? "charge without a call" : "wrong charge";
      return [found(kind, `${name} was cut at ${limit}, charged ${row.charged} ${aboutOf(row)}`)];
    }
    case "refused":
      if ((row?.charged ?? 0n) === 0n) return [];
      return [found("wrong charge", `${name} was refused with ${record.status}, charged ${row?.charged}`)];
  }
}

/** Tries of one question under one idempotency key are one charge. */
function auditOnce(
  clients: readonly ClientRecord[],
  rows: ReadonlyMap<string, readonly UsageRow[]>,
): readonly Finding[] {
  const charged = new Map<string, Set<string>>();
  for (const record of clients) {
    if (record.once === undefined || record.seen === "lost") continue;
    if (!(rows.get(record.id) ?? []).some((row) => row.charged > 0n)) continue;
    charged.set(record.once, (charged.get(record.once) ?? new Set()).add(record.id));
  }
  return [...charged].flatMap(([once, ids]) =>
    ids.size > 1 ? [found("double charge", `${once} was charged for ${[...ids].join(" and ")}`)] : [],
  );
}

/** Rows that no client can name are of requests that were lost: not more of them, and none dearer. */
function auditUnseen({ clients, usage, vendor }: Books): readonly Finding[] {
  const named = new Set(clients.flatMap((record) => (record.seen === "lost" ? [] : [record.id])));
  const possible = new Map<string, string[]>();
  for (const { seen, payer, prompt } of clients) {
    if (seen === "lost" && callsOf(vendor, prompt).asked > 0)
      possible.set(payer, [...(possible.get(payer) ?? []), prompt]);
  }
  const most = (prompt: string): number => callsOf(vendor, prompt).most;
  for (const prompts of possible.values()) prompts.sort((a, b) => most(a) - most(b));
  const unseen = usage.filter(({ id, charged }) => charged > 0n && !named.has(id));
  // The dearest first, each to the least that covers it: if any assignment exists, this finds one.
  return unseen
    .sort((a, b) => ascending(b.charged, a.charged))
    .flatMap((row) => {
      const { id, tenant, charged, flags } = row;
      const prompts = possible.get(tenant) ?? [];
      const index = prompts.findIndex((prompt) => charged <= mostOf(vendor, prompt, flags));
      if (index < 0)
        return [found("charge without a call", `${id} of ${tenant}: ${charged} is nobody's ${aboutOf(row)}`)];
      prompts.splice(index, 1);
      return [];
    });
}

/** Whoever reached the vendor is in the ledger, with whatever outcome: nothing is consumed unseen. */
function auditCalls({ clients, usage, vendor }: Books): readonly Finding[] {
  const rows = countBy(usage, ({ tenant }) => tenant);
  const payers = new Map(clients.map(({ prompt, payer }) => [prompt, payer]));
  const prompts = Object.keys(vendor.prompts).filter((prompt) => callsOf(vendor, prompt).asked > 0);
  const called = countBy(prompts, (prompt) => payers.get(prompt) ?? prompt);
  return [...called].flatMap(([payer, count]) => {
    const booked = rows.get(payer) ?? 0;
    if (booked >= count) return [];
    return [found("lost charge", `${payer} called for ${count} prompts, and has ${booked} rows`)];
  });
}

/** A loss is what the platform bore for something delivered: never more than the vendor handed over unpaid. */
function auditLosses({ clients, usage, vendor }: Books): readonly Finding[] {
  const prompts = new Map(clients.flatMap((one) => (one.seen === "lost" ? [] : [[one.id, one.prompt]])));
  return usage.flatMap(({ id, charged, loss, outcome }) => {
    const prompt = prompts.get(id);
    if (loss === 0n || prompt === undefined) return [];
    const { calls, all } = callsOf(vendor, prompt);
    const consumed = BigInt(calls * PROMPT_TOKENS + all) * TOKEN_PRICE;
    if (charged + loss <= consumed) return [];
    return [found("wrong loss", `${id} (${prompt}, ${outcome}): ${charged} + ${loss} lost of ${consumed}`)];
  });
}

function auditBalances({ tenants, usage }: Books): readonly Finding[] {
  const spent = new Map<string, bigint>();
  for (const { tenant, charged } of usage) spent.set(tenant, (spent.get(tenant) ?? 0n) + charged);
  return tenants.flatMap(({ tenant, toppedUp, balance, told }) => {
    const used = spent.get(tenant) ?? 0n;
    if (balance < 0n) return [found("wrong balance", `${tenant} is overdrawn: ${balance}`)];
    if (used + balance !== toppedUp)
      return [found("wrong balance", `${tenant}: ${toppedUp} topped up, ${used} spent, ${balance} left`)];
    if (told === undefined || (told.spent === used && told.available === balance && told.balance === balance))
      return [];
    return [
      found(
        "wrong balance",
        `${tenant} is told ${told.spent} spent, ${told.available} available of ${told.balance}; it is ${used}, ${balance}`,
      ),
    ];
  });
}

function countBy<Item>(items: Iterable<Item>, keyOf: (item: Item) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  return counts;
}

const aboutOf = ({ outcome, flags, about = "" }: UsageRow): string =>
  `(${[outcome, ...flags, about].join(" ")})`;
const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
const found = (kind: FindingKind, detail: string): Finding => ({ kind, detail });
