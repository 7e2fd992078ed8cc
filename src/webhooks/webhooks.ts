import type { TransactionSql } from "postgres";
import type { JsonObject } from "../core/generation.ts";
import type { TenantId, WebhookId } from "../core/ids.ts";
import type { Sql } from "../ledger/database.ts";

/** Messages to tenants' own servers, as Standard Webhooks has them: kept first, then sent until they are taken. */
export interface Webhooks {
  /**
   * Keeps one message in the caller's transaction, so that what it tells and the message are one commit. Call `wake`
   * once that is committed; without, it leaves within a second or so.
   * @throws SluiceError `invalid_request` for a URL that can never be sent to
   */
  enqueue(sql: Sql | Transaction, message: NewWebhook): Promise<WebhookId>;
  /** Something may be due: looks at once. */
  wake(): void;
  /** Whether a URL can be a target, as far as it can be told without looking it up. @throws SluiceError with `param` */
  checkUrl(url: string, param: string): void;
  /** Whether a secret of a message's own can be one. @throws SluiceError with `param` */
  checkSecret(secret: string, param: string): void;
}

/** What the driver hands to `sql.begin`. */
export type Transaction = TransactionSql<{ bigint: bigint }>;

export interface NewWebhook {
  readonly tenant: TenantId;
  readonly url: string;
  /** `task.completed`: becomes `type` of the message. */
  readonly event: string;
  /** Becomes `data` of the message. */
  readonly data: JsonObject;
  /** The message is `data` and nothing around it, for receivers that know another dialect. Signed all the same. */
  readonly isBare?: boolean;
  /** Epoch milliseconds: becomes `timestamp` of the message; absent: now. */
  readonly at?: number;
  /** `whsec_…`; absent: the tenant's own. */
  readonly secret?: string;
}

export const DELIVERY_STATES = ["pending", "delivered", "undeliverable"] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];
