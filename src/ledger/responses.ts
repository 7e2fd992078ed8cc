import type { TenantId } from "../core/ids.ts";
import type { Sql } from "./database.ts";
import type { Seal } from "./sealed.ts";

/** Responses that clients fetch again and go on from. A tenant sees its own; for any other there is none. */
export interface ResponseLedger {
  /**
   * Keeps a response for `RESPONSE_KEPT_MS` from now, and those it goes on from at least as long. The tenant's oldest
   * go when there is no room. False: too large, or what it goes on from is not there any more.
   */
  keep(tenant: TenantId, response: KeptResponse): Promise<boolean>;
  find(tenant: TenantId, id: string): Promise<string | undefined>;
  /** Which kept response an item is of, by the item's name; those of which none is known are left out. */
  responsesOf(tenant: TenantId, items: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** The contents of a response and of all that it goes on from, the first turn first. */
  conversation(tenant: TenantId, id: string): Promise<Conversation>;
  /** False: there was none. What goes on from it cannot be gone on from any more. */
  delete(tenant: TenantId, id: string): Promise<boolean>;
  /** Forgets what is older than it is kept, at most so many at once. Answers how many. */
  forgetExpired(most: number): Promise<number>;
}

export interface KeptResponse {
  readonly id: string;
  readonly previous: string | undefined;
  readonly content: string;
  /** Names of its items, where those do not tell the response. Beyond `MOST_NAMED_ITEMS` nobody can refer to them. */
  readonly items?: readonly string[];
}

export type Conversation =
  | { readonly kind: "found"; readonly turns: readonly string[] }
  /** Unknown, foreign or forgotten, or one of those it goes on from is. */
  | { readonly kind: "missing" }
  | { readonly kind: "too long" };

/** A day, as answers for idempotency keys are kept: contents of prompts do not lie about for longer than is useful. */
const RESPONSE_KEPT_MS = 86_400_000;
/** One turn: what it was asked and answered. */
export const MOST_RESPONSE_BYTES = 8 * 1024 * 1024;
/** A conversation becomes one prompt: as much as a request's body may be. */
export const MOST_CONVERSATION_BYTES = 32 * 1024 * 1024;
/** More turns than people and agents take; each is a look-up. */
export const MOST_TURNS = 1_000;
/** An answer that calls tools has a few dozen. */
const MOST_NAMED_ITEMS = 1_000;
/** All that a tenant keeps: 100,000 turns of 10 KiB. */
const MOST_TENANT_BYTES = 1024 * 1024 * 1024;

export function createResponseLedger(
  sql: Sql,
  seal: Seal,
  mostTenantBytes = MOST_TENANT_BYTES,
): ResponseLedger {
  const open = (tenant: TenantId, { id, content }: Row): string => seal.open(content, contextOf(tenant, id));
  return {
    async keep(tenant, { id, previous, content, items = [] }) {
      if (Buffer.byteLength(content) > MOST_RESPONSE_BYTES) return false;
      const sealed = seal.seal(content, contextOf(tenant, id));
      const names = sql.json([...new Set(items)].slice(0, MOST_NAMED_ITEMS));
      const [row] = await sql<{ kept: boolean }[]>`
        with response_kept as materialized (
          select keep_response(${tenant}, ${id}, ${previous ?? null}, ${sealed}, ${RESPONSE_KEPT_MS},
                               ${mostTenantBytes}) as kept
        ), named as (
          insert into response_item (tenant, id, response)
          select ${tenant}, name, ${id} from response_kept, jsonb_array_elements_text(${names}) as name
          where kept order by name
          on conflict (tenant, id) do update set response = excluded.response
        )
        select kept from response_kept`;
      return row?.kept === true;
    },
    async find(tenant, id) {
      const [row] = await sql<Row[]>`
        select id, content from response where tenant = ${tenant} and id = ${id} and expires_at > now()`;
      return row === undefined ? undefined : open(tenant, row);
    },
    async responsesOf(tenant, items) {
      const rows = await sql<{ id: string; response: string }[]>`
        select id, response from response_item where tenant = ${tenant}
          and id in (select jsonb_array_elements_text(${sql.json([...items])}))`;
      return new Map(rows.map(({ id, response }) => [id, response]));
    },
    async conversation(tenant, id) {
      const [head] = await sql<{ turns: number; bytes: string }[]>`
        select turns, chain_bytes as bytes from response
        where tenant = ${tenant} and id = ${id} and expires_at > now()`;
      if (head === undefined) return { kind: "missing" };
      if (head.turns >= MOST_TURNS || Number(head.bytes) > MOST_CONVERSATION_BYTES)
        return { kind: "too long" };
      const rows = await sql<Row[]>`
        with recursive chain as (
          select id, previous, content, 1 as step from response
          where tenant = ${tenant} and id = ${id} and expires_at > now()
          union all
          select r.id, r.previous, r.content, c.step + 1 from response r
          join chain c on r.tenant = ${tenant} and r.id = c.previous and r.expires_at > now()
        )
        select id, content from chain order by step desc`;
      // One of them was deleted or forgotten.
      if (rows.length < head.turns) return { kind: "missing" };
      return { kind: "found", turns: rows.map((row) => open(tenant, row)) };
    },
    async delete(tenant, id) {
      const { count } = await sql`
        delete from response where tenant = ${tenant} and id = ${id} and expires_at > now()`;
      return count > 0;
    },
    async forgetExpired(most) {
      const { count } = await sql`
        delete from response where (tenant, id) in (
          select tenant, id from response where expires_at < now()
          order by expires_at limit ${most} for update skip locked)`;
      return count;
    },
  };
}

interface Row {
  readonly id: string;
  readonly content: Uint8Array;
}

/** A response opens for the tenant and under the name that it was kept for, and for nothing else. */
const contextOf = (tenant: TenantId, id: string): string => `response ${tenant} ${id}`;
