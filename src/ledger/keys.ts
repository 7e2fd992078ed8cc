import type { Tier } from "../core/catalog.ts";
import type { Clock } from "../core/clock.ts";
import { SluiceError } from "../core/errors.ts";
import { type KeyId, keyId, randomText, type TenantId, tenantId } from "../core/ids.ts";
import type { KeyBudget, KeyLimits } from "../core/key-limits.ts";
import { formatPoints, parsePoints } from "../core/points.ts";
import type { Random } from "../core/random.ts";
import { parseTakeover, type TakeoverPolicy } from "../core/takeover-policy.ts";
import { codeOf, type Sql } from "./database.ts";

/** What a client key may do. Its secret is nowhere: only the SHA-256 of it is kept. */
export interface KeyRecord {
  readonly id: KeyId;
  readonly tenant: TenantId;
  readonly tier: Tier;
  readonly name: string;
  /** Null: every scope, model, vendor, address. */
  readonly scopes: readonly string[] | null;
  readonly models: readonly string[] | null;
  readonly vendors: readonly string[] | null;
  readonly ips: readonly string[] | null;
  readonly limits: KeyLimits | null;
  readonly budget: KeyBudget | null;
  readonly policy: KeyPolicy;
  /** Epoch milliseconds. */
  readonly expiresAt: number | null;
  /** Set by revocation and rotation: from then on the key is refused. */
  readonly validUntil: number | null;
  readonly createdAt: number;
}

export interface KeyPolicy {
  /** What happens when the balance covers only a part of the longest answer. */
  readonly onShortBalance: "cap" | "refuse";
  /** Whether another vendor goes on with an answer whose vendor died; absent: as the configuration says. */
  readonly takeover?: TakeoverPolicy;
}

export type NewKey = Omit<KeyRecord, "id" | "tier" | "validUntil" | "createdAt">;

export interface Keys {
  /** The secret is told here and never again. Throws `not_found` for an unknown tenant. */
  create(key: NewKey): Promise<{ readonly id: KeyId; readonly secret: string }>;
  /** By the SHA-256 (hex) of the secret. Revoked and expired keys are found, too: the caller says why it refuses. */
  find(hash: string): Promise<KeyRecord | undefined>;
  /** Refused from now on. False when there is no such key. */
  revoke(id: KeyId): Promise<boolean>;
  /** A new key with the same rights; the old one works for `graceMs` more. Throws `not_found`, for a revoked key too. */
  rotate(id: KeyId, graceMs: number): Promise<{ readonly id: KeyId; readonly secret: string }>;
  list(tenant: TenantId): Promise<readonly KeyRecord[]>;
}

interface Row {
  readonly id: string;
  readonly tenant: string;
  readonly tier: Tier;
  readonly name: string;
  readonly scopes: string[] | null;
  readonly models: string[] | null;
  readonly vendors: string[] | null;
  readonly ips: string[] | null;
  readonly limits: KeyLimits | null;
  readonly budget: { readonly points: string; readonly period: KeyBudget["period"] } | null;
  readonly policy: Partial<KeyPolicy>;
  readonly expires_at: Date | null;
  readonly valid_until: Date | null;
  readonly created_at: Date;
}

const UNKNOWN_REFERENCE = "23503";
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

export const hashOf = (secret: string): string => new Bun.CryptoHasher("sha256").update(secret).digest("hex");

export function createKeys(
  sql: Sql,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): Keys {
  const asJson = (list: readonly string[] | null) => (list === null ? null : sql.json([...list]));
  const fresh = () => ({
    id: keyId(`key_${randomText(random.bytes(16))}`),
    secret: `sk-${base62(random.bytes(32))}`,
  });
  return {
    async create(key) {
      const made = fresh();
      const budget = key.budget === null ? null : { ...key.budget, points: formatPoints(key.budget.points) };
      try {
        await sql`
          insert into api_key (id, tenant, name, hash, scopes, models, vendors, ips, limits, budget, policy, expires_at)
          values (${made.id}, ${key.tenant}, ${key.name}, ${hashOf(made.secret)}, ${asJson(key.scopes)},
                  ${asJson(key.models)}, ${asJson(key.vendors)}, ${asJson(key.ips)}, ${sql.json({ ...key.limits })},
                  ${budget === null ? null : sql.json(budget)}, ${sql.json({ ...key.policy })},
                  ${key.expiresAt === null ? null : new Date(key.expiresAt)})`;
      } catch (thrown) {
        if (codeOf(thrown) !== UNKNOWN_REFERENCE) throw thrown;
        throw new SluiceError("not_found", `There is no tenant '${key.tenant}'.`, { cause: thrown });
      }
      return made;
    },
    async find(hash) {
      const [row] = await sql<Row[]>`
        select k.*, t.tier from api_key k join tenant t on t.id = k.tenant where k.hash = ${hash}`;
      return row === undefined ? undefined : recordOf(row);
    },
    async revoke(id) {
      const now = new Date(clock.now());
      const rows = await sql`
        update api_key set valid_until = least(valid_until, ${now}) where id = ${id} returning id`;
      return rows.length > 0;
    },
    async rotate(id, graceMs) {
      const made = fresh();
      const until = new Date(clock.now() + graceMs);
      const rows = await sql`
        with old as (
          update api_key set valid_until = least(valid_until, ${until})
          where id = ${id} and (valid_until is null or valid_until > ${new Date(clock.now())}) returning *
        )
        insert into api_key (id, tenant, name, hash, scopes, models, vendors, ips, limits, budget, policy, expires_at)
        select ${made.id}, tenant, name, ${hashOf(made.secret)}, scopes, models, vendors, ips, limits, budget, policy,
               expires_at from old returning id`;
      if (rows.length === 0) throw new SluiceError("not_found", `There is no key '${id}' that still works.`);
      return made;
    },
    async list(tenant) {
      const rows = await sql<Row[]>`
        select k.*, t.tier from api_key k join tenant t on t.id = k.tenant
        where k.tenant = ${tenant} order by k.created_at, k.id`;
      return rows.map(recordOf);
    },
  };
}

const timeOf = (date: Date | null): number | null => (date === null ? null : date.getTime());

function recordOf(row: Row): KeyRecord {
  return {
    id: keyId(row.id),
    tenant: tenantId(row.tenant),
    tier: row.tier,
    name: row.name,
    scopes: row.scopes,
    models: row.models,
    vendors: row.vendors,
    ips: row.ips,
    limits: row.limits === null || Object.keys(row.limits).length === 0 ? null : row.limits,
    budget: row.budget === null ? null : budgetOf(row.budget),
    policy: policyOf(row.policy),
    expiresAt: timeOf(row.expires_at),
    validUntil: timeOf(row.valid_until),
    createdAt: row.created_at.getTime(),
  };
}

function policyOf(stored: Row["policy"]): KeyPolicy {
  const takeover = parseTakeover(stored.takeover);
  return {
    onShortBalance: stored.onShortBalance ?? "cap",
    ...(takeover === undefined ? {} : { takeover }),
  };
}

function budgetOf({ points, period }: NonNullable<Row["budget"]>): KeyBudget {
  const amount = parsePoints(points);
  // A budget that cannot be read must not become no budget.
  if (amount === undefined) throw new Error("a key's budget in the ledger is not an amount");
  return { points: amount, period };
}

/** 43 digits carry the 256 bits; the remainder of a byte string read as one number, so every digit is even. */
function base62(bytes: Uint8Array): string {
  let value = 0n;
  for (const byte of bytes) value = value * 256n + BigInt(byte);
  let text = "";
  for (let length = 0; length < 43; length += 1) {
    text += DIGITS[Number(value % 62n)];
    value /= 62n;
  }
  return text;
}
