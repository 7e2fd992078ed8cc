import { SluiceError } from "../core/errors.ts";
import type { TenantId } from "../core/ids.ts";
import type { Random } from "../core/random.ts";
import type { Sql } from "../ledger/database.ts";
import type { Seal } from "../ledger/sealed.ts";
import { newSecret } from "./signature.ts";

/** The secret by which a tenant knows that a message is from here. */
export interface WebhookSecrets {
  /** Made when it is first asked for. @throws SluiceError `conflict` when the master secret was changed since */
  current(tenant: TenantId): Promise<WebhookSecret>;
  /** A new one; the one before signs as well for `ROTATION_MS`. */
  rotate(tenant: TenantId): Promise<WebhookSecret>;
}

export interface WebhookSecret {
  readonly secret: string;
  /** The one before, while it signs as well. */
  readonly previous?: { readonly secret: string; readonly until: Date };
}

/** As long as messages are tried: none that was refused in between meets a receiver that knows neither. */
const ROTATION_MS = 86_400_000;

interface Row {
  readonly secret: Uint8Array;
  readonly previous: Uint8Array | null;
  readonly previous_until: Date | null;
}

export function createWebhookSecrets(sql: Sql, seal: Seal, random: Random): WebhookSecrets {
  const contextOf = (tenant: TenantId) => `webhook secret ${tenant}`;
  const sealed = (tenant: TenantId) => seal.seal(newSecret(random), contextOf(tenant));
  /** Undefined: it was sealed under another master secret. */
  const readable = (tenant: TenantId, sealedSecret: Uint8Array): string | undefined => {
    try {
      return seal.open(sealedSecret, contextOf(tenant));
    } catch {
      return undefined;
    }
  };
  const opened = (tenant: TenantId, row: Row | undefined): WebhookSecret => {
    if (row === undefined) throw new Error("a tenant has no webhook secret");
    const secret = readable(tenant, row.secret);
    if (secret === undefined) throw unreadable();
    // One that cannot be read signs nothing any more.
    const previous = row.previous === null ? undefined : readable(tenant, row.previous);
    if (previous === undefined || row.previous_until === null) return { secret };
    return { secret, previous: { secret: previous, until: row.previous_until } };
  };
  const find = (tenant: TenantId) => sql<Row[]>`
    select secret,
      case when previous_until > now() then previous end as previous,
      case when previous_until > now() then previous_until end as previous_until
    from webhook_secret where tenant = ${tenant}`;
  return {
    async current(tenant) {
      const [known] = await find(tenant);
      if (known !== undefined) return opened(tenant, known);
      await sql`insert into webhook_secret (tenant, secret) values (${tenant}, ${sealed(tenant)})
                on conflict do nothing`;
      const [made] = await find(tenant);
      return opened(tenant, made);
    },
    async rotate(tenant) {
      await sql`
        insert into webhook_secret (tenant, secret) values (${tenant}, ${sealed(tenant)})
        on conflict (tenant) do update set secret = excluded.secret, previous = webhook_secret.secret,
          previous_until = now() + ${ROTATION_MS} * interval '1 millisecond', created_at = now()`;
      const [row] = await find(tenant);
      return opened(tenant, row);
    },
  };
}

const unreadable = (): SluiceError =>
  new SluiceError(
    "conflict",
    "The secret cannot be read any more: the gateway's master secret was changed. Make a new one: POST /v1/webhooks/secret.",
  );
