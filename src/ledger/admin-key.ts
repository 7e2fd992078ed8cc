import type { Random } from "../core/random.ts";
import type { Sql } from "./database.ts";
import { hashOf } from "./keys.ts";

const NAME = "admin_key_hash";

export interface AdminKey {
  /** SHA-256 (hex) of the key that opens the admin API. */
  readonly hash: string;
  /** The key itself: only at the very first start, when it was made. */
  readonly shownOnce: string | undefined;
}

/** The configured admin key, else the one that the first start made; its hash alone is kept. */
export async function adminKey(sql: Sql, configured: string | undefined, random: Random): Promise<AdminKey> {
  if (configured !== undefined) return { hash: hashOf(configured), shownOnce: undefined };
  const made = `sk-admin-${Buffer.from(random.bytes(32)).toString("base64url")}`;
  const [row] = await sql`
    insert into setting (name, value) values (${NAME}, ${hashOf(made)}) on conflict do nothing returning name`;
  if (row !== undefined) return { hash: hashOf(made), shownOnce: made };
  const [kept] = await sql<{ value: string }[]>`select value from setting where name = ${NAME}`;
  if (kept === undefined) throw new Error("the admin key vanished from the ledger");
  return { hash: kept.value, shownOnce: undefined };
}
