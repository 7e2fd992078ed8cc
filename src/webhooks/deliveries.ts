import { type TenantId, tenantId, type WebhookId, webhookId } from "../core/ids.ts";
import type { Sql } from "../ledger/database.ts";
import type { Seal } from "../ledger/sealed.ts";
import type { DeliveryState, Transaction } from "./webhooks.ts";

/** Messages and how far they are. */
export interface Deliveries {
  add(sql: Sql | Transaction, message: NewDelivery): Promise<void>;
  /** Some of what is due, the longest waiting first, for `claim` to choose from. */
  due(most: number, without: Busy): Promise<readonly DueDelivery[]>;
  /** Takes those that are still due: nobody else sends them for `leaseMs`. */
  claim(ids: readonly WebhookId[], leaseMs: number): Promise<readonly ClaimedDelivery[]>;
  /** What came of an attempt; nothing happens when another has been begun since. */
  settle(claimed: ClaimedDelivery, result: AttemptResult): Promise<void>;
  list(tenant: TenantId, question: ListQuestion): Promise<readonly Delivery[]>;
  find(tenant: TenantId, id: WebhookId): Promise<Delivery | undefined>;
  /** Sends it (again) now, whatever became of it. Undefined: there is none. */
  resend(tenant: TenantId, id: WebhookId, triedForMs: number): Promise<Delivery | undefined>;
  /** How many of a tenant's wait under one event's name; no more than `most` are counted. */
  pending(tenant: TenantId, event: string, most: number): Promise<number>;
  /** Forgets what was settled long ago. Answers how many. */
  forgetSettled(most: number): Promise<number>;
}

export interface NewDelivery {
  readonly id: WebhookId;
  readonly tenant: TenantId;
  readonly event: string;
  readonly host: string;
  readonly content: DeliveryContent;
  readonly triedForMs: number;
}

/** What is kept sealed. */
export interface DeliveryContent {
  readonly url: string;
  readonly body: string;
  readonly secret?: string;
}

/** Whom enough is being sent to already. */
export interface Busy {
  readonly hosts: readonly string[];
  readonly tenants: readonly TenantId[];
}

export interface DueDelivery {
  readonly id: WebhookId;
  readonly tenant: TenantId;
  readonly host: string;
}

export interface ClaimedDelivery extends DueDelivery {
  readonly content: DeliveryContent;
  /** This one included. */
  readonly attempts: number;
}

export type AttemptResult =
  | { readonly kind: "delivered"; readonly status: number }
  | { readonly kind: "failed"; readonly status?: number; readonly error: string; readonly waitMs: number }
  /** Its receiver wants no more. */
  | { readonly kind: "unwanted"; readonly status: number };

export interface ListQuestion {
  readonly state?: DeliveryState;
  readonly limit: number;
  /** The last one that was seen. */
  readonly after?: WebhookId;
}

export interface Delivery {
  readonly id: WebhookId;
  readonly event: string;
  readonly url: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly createdAt: Date;
  /** While it is pending. */
  readonly nextAt: Date | undefined;
  readonly settledAt: Date | undefined;
  readonly lastStatus: number | undefined;
  readonly lastError: string | undefined;
}

interface Row {
  readonly id: string;
  readonly tenant: string;
  readonly event: string;
  readonly host: string;
  readonly content: Uint8Array;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly next_at: Date;
  readonly last_status: number | null;
  readonly last_error: string | null;
  readonly created_at: Date;
  readonly settled_at: Date | null;
}

/** A week, in which somebody finds out what went wrong, and has it sent again. */
const KEPT_DAYS = 7;

/**
 * Of one tenant that wait: a day of its tasks. A backlog is looked through each second, so one for a dead server must not
 * grow for ever; what comes beyond is kept as not delivered, and can be sent again by hand.
 */
const MOST_WAITING = 10_000;
const TOO_MANY = "Too many messages of yours wait to be taken.";

export function createDeliveries(sql: Sql, seal: Seal, mostWaiting = MOST_WAITING): Deliveries {
  const contextOf = (tenant: string, id: string) => `webhook ${tenant} ${id}`;
  /** Undefined: it was sealed under another master secret. */
  const contentOf = ({ tenant, id, content }: Row): DeliveryContent | undefined => {
    try {
      return JSON.parse(seal.open(content, contextOf(tenant, id))) as DeliveryContent; // sealed: only we wrote it
    } catch {
      return undefined;
    }
  };
  const viewOf = (row: Row): Delivery => ({
    id: webhookId(row.id),
    event: row.event,
    url: contentOf(row)?.url ?? "",
    state: row.state,
    attempts: row.attempts,
    createdAt: row.created_at,
    nextAt: row.state === "pending" ? row.next_at : undefined,
    settledAt: row.settled_at ?? undefined,
    lastStatus: row.last_status ?? undefined,
    lastError: row.last_error ?? undefined,
  });
  const one = ([row]: readonly Row[]): Delivery | undefined => (row === undefined ? undefined : viewOf(row));
  return {
    async add(own, { id, tenant, event, host, content, triedForMs }) {
      const sealed = seal.seal(JSON.stringify(content), contextOf(tenant, id));
      await own`
        insert into webhook_delivery (id, tenant, event, host, content, give_up_at, state, last_error, settled_at)
        select ${id}, ${tenant}, ${event}, ${host}, ${sealed}, now() + ${triedForMs} * interval '1 millisecond',
               case when is_full then 'undeliverable' else 'pending' end,
               case when is_full then ${TOO_MANY} end, case when is_full then now() end
        from (select count(*) >= ${mostWaiting} as is_full
              from (select 1 from webhook_delivery where tenant = ${tenant} and state = 'pending'
                    limit ${mostWaiting}) waiting) room`;
    },
    async due(most, { hosts, tenants }) {
      const rows = await sql<Pick<Row, "id" | "tenant" | "host">[]>`
        select id, tenant, host from webhook_delivery
        where state = 'pending' and next_at <= now()
          and host not in (select jsonb_array_elements_text(${sql.json([...hosts])}))
          and tenant not in (select jsonb_array_elements_text(${sql.json([...tenants])}))
        order by next_at limit ${most}`;
      return rows.map(({ id, tenant, host }) => ({ id: webhookId(id), tenant: tenantId(tenant), host }));
    },
    async claim(ids, leaseMs) {
      const rows = await sql<Row[]>`
        update webhook_delivery set attempts = attempts + 1, next_at = now() + ${leaseMs} * interval '1 millisecond'
        where id in (
          select id from webhook_delivery
          where id in (select jsonb_array_elements_text(${sql.json([...ids])}))
            and state = 'pending' and next_at <= now()
          for update skip locked)
        returning *`;
      const claimed = rows.map((row) => ({
        id: webhookId(row.id),
        tenant: tenantId(row.tenant),
        host: row.host,
        attempts: row.attempts,
        content: contentOf(row),
      }));
      const unreadable = claimed.filter(({ content }) => content === undefined).map(({ id }) => id);
      if (unreadable.length > 0) {
        // Not tried for a day: they would be in the way of those that can be sent.
        await sql`
          update webhook_delivery set state = 'undeliverable', settled_at = now(), last_status = null,
            last_error = 'The message cannot be opened: the master secret was changed.'
          where id in (select jsonb_array_elements_text(${sql.json(unreadable)}))`;
      }
      return claimed.flatMap(({ content, ...rest }) => (content === undefined ? [] : [{ ...rest, content }]));
    },
    async settle({ id, attempts }, result) {
      const status = result.status ?? null;
      if (result.kind === "failed") {
        const next = sql`now() + ${result.waitMs} * interval '1 millisecond'`;
        await sql`
          update webhook_delivery set last_status = ${status}, last_error = ${result.error}, next_at = ${next},
            state = case when ${next} > give_up_at then 'undeliverable' else 'pending' end,
            settled_at = case when ${next} > give_up_at then now() end
          where id = ${id} and attempts = ${attempts} and state = 'pending'`;
        return;
      }
      const [state, error] =
        result.kind === "delivered" ? ["delivered", null] : ["undeliverable", "The receiver wants no more."];
      await sql`
        update webhook_delivery set state = ${state}, last_status = ${status}, last_error = ${error}, settled_at = now()
        where id = ${id} and attempts = ${attempts} and state = 'pending'`;
    },
    async list(tenant, { state, limit, after }) {
      const ofState = state === undefined ? sql`` : sql`and state = ${state}`;
      const behind =
        after === undefined
          ? sql``
          : sql`and (created_at, id) < (select created_at, id from webhook_delivery
                                        where id = ${after} and tenant = ${tenant})`;
      const rows = await sql<Row[]>`
        select * from webhook_delivery where tenant = ${tenant} ${ofState} ${behind}
        order by created_at desc, id desc limit ${limit}`;
      return rows.map(viewOf);
    },
    find: async (tenant, id) =>
      one(await sql<Row[]>`select * from webhook_delivery where tenant = ${tenant} and id = ${id}`),
    resend: async (tenant, id, triedForMs) =>
      one(
        await sql<Row[]>`
        update webhook_delivery set state = 'pending', attempts = 0, next_at = now(), settled_at = null,
          give_up_at = now() + ${triedForMs} * interval '1 millisecond'
        where tenant = ${tenant} and id = ${id} returning *`,
      ),
    async pending(tenant, event, most) {
      const rows = await sql`
        select 1 from webhook_delivery where tenant = ${tenant} and event = ${event} and state = 'pending'
        limit ${most}`;
      return rows.length;
    },
    async forgetSettled(most) {
      const { count } = await sql`
        delete from webhook_delivery where id in (
          select id from webhook_delivery
          where state <> 'pending' and settled_at < now() - ${KEPT_DAYS} * interval '1 day'
          order by settled_at limit ${most} for update skip locked)`;
      return count;
    },
  };
}
