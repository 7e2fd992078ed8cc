import type { NodeId, RequestId, TenantId } from "../core/ids.ts";
import type { Sql } from "./database.ts";
import type { Seal } from "./sealed.ts";

/** Who may run a request that carries an idempotency key, and what its answer was. */
export interface IdempotencyLedger {
  /** Takes the key for this run; `claimed` means: run it, then `keep` or `release`. */
  claim(claim: IdempotencyClaim): Promise<Verdict>;
  /** Keeps the answer for a day. False when another run took this one's place: its node was taken for dead. */
  keep(claim: IdempotencyClaim, answer: string): Promise<boolean>;
  /** Nothing was charged: whoever comes with the key next runs it. */
  release(claim: IdempotencyClaim): Promise<void>;
  /** These still run here. */
  renew(requests: readonly RequestId[]): Promise<void>;
  /** Forgets what is older than it is kept, at most so many at once. Answers how many. */
  forgetExpired(most: number): Promise<number>;
}

export interface IdempotencyClaim {
  readonly tenant: TenantId;
  /** As the client sent it; kept as its hash. */
  readonly key: string;
  /** Of everything that makes the answer what it is. */
  readonly fingerprint: string;
  readonly request: RequestId;
}

export type Verdict =
  | { readonly kind: "claimed" }
  | { readonly kind: "answered"; readonly answer: string }
  | { readonly kind: "running" }
  /** The key came with another request before. */
  | { readonly kind: "conflict" };

/** A node that has not renewed for so long is taken for dead: its run may be taken over. */
export const RUN_LEASE_MS = 15_000;
/** The contract's 24 hours. */
const KEPT_MS = 86_400_000;
/** A dead node's disk may come back so much later, and its charges must still be known as given up. */
const SUPERSEDED_DAYS = 90;

export function createIdempotencyLedger(sql: Sql, node: NodeId, seal: Seal): IdempotencyLedger {
  return {
    async claim({ tenant, key, fingerprint, request }) {
      const [row] = await sql<{ verdict: string; kept: Uint8Array | null }[]>`
        select * from claim_idempotency(${tenant}, ${hashOf(key)}, ${fingerprint}, ${request}, ${node},
                                        ${RUN_LEASE_MS}, ${KEPT_MS})`;
      switch (row?.verdict) {
        case "claimed":
        case "running":
        case "conflict":
          return { kind: row.verdict };
        case "answered":
          return {
            kind: "answered",
            answer: seal.open(row.kept ?? new Uint8Array(), contextOf(tenant, key)),
          };
        default:
          throw new Error(`claim_idempotency answered '${row?.verdict}'`);
      }
    },
    async keep({ tenant, key, request }, answer) {
      const sealed = seal.seal(answer, contextOf(tenant, key));
      const { count } = await sql`
        update idempotency set answer = ${sealed}
        where tenant = ${tenant} and key = ${hashOf(key)} and request = ${request} and answer is null`;
      return count > 0;
    },
    async release({ tenant, key, request }) {
      await sql`delete from idempotency where tenant = ${tenant} and key = ${hashOf(key)} and request = ${request}
                and answer is null and not is_paid`;
    },
    async renew(requests) {
      await sql`
        update idempotency set lease_until = now() + ${RUN_LEASE_MS} * interval '1 millisecond'
        where answer is null and node = ${node}
          and request in (select jsonb_array_elements_text(${sql.json([...requests])}))`;
    },
    async forgetExpired(most) {
      await sql`delete from superseded where created_at < now() - ${SUPERSEDED_DAYS} * interval '1 day'`;
      const { count } = await sql`
        delete from idempotency where (tenant, key) in (
          select tenant, key from idempotency where expires_at < now() and (answer is not null or lease_until < now())
          order by expires_at limit ${most} for update skip locked)`;
      return count;
    },
  };
}

const hashOf = (key: string): string => new Bun.CryptoHasher("sha256").update(key).digest("hex");

/** An answer opens for the tenant and the key that it was kept for, and for nothing else. */
const contextOf = (tenant: TenantId, key: string): string => `idempotency ${tenant} ${hashOf(key)}`;
