import type { Tier } from "../core/catalog.ts";
import { SluiceError } from "../core/errors.ts";
import { type TenantId, tenantId } from "../core/ids.ts";
import { type Micropoints, micropointsOf } from "../core/points.ts";
import { codeOf, OUT_OF_RANGE, type Sql } from "./database.ts";

export interface Tenant {
  readonly id: TenantId;
  readonly name: string;
  readonly tier: Tier;
  readonly overdraft: Micropoints;
  /** Epoch milliseconds. */
  readonly createdAt: number;
}

export interface Tenants {
  /** Throws `conflict` when the id is taken, `invalid_request` when it is not one. */
  create(tenant: Omit<Tenant, "createdAt">): Promise<Tenant>;
  get(id: TenantId): Promise<Tenant | undefined>;
  /** By id, after the given one. */
  list(page: { readonly limit: number; readonly after?: string }): Promise<readonly Tenant[]>;
  /** Answers undefined for an unknown tenant. Throws `conflict` when the overdraft in use exceeds the new one. */
  update(
    id: TenantId,
    changes: Partial<Pick<Tenant, "name" | "tier" | "overdraft">>,
  ): Promise<Tenant | undefined>;
}

interface Row {
  readonly id: string;
  readonly name: string;
  readonly tier: Tier;
  readonly overdraft: bigint;
  readonly created_at: Date;
}

const UNIQUE = "23505";
const CHECK = "23514";

export function createTenants(sql: Sql): Tenants {
  const get = async (id: TenantId): Promise<Tenant | undefined> => {
    const [row] = await sql<Row[]>`
      select t.id, t.name, t.tier, t.created_at, a.overdraft
      from tenant t join account a on a.tenant = t.id and a.kind = 'tenant' where t.id = ${id}`;
    return row === undefined ? undefined : tenantOf(row);
  };
  return {
    get,
    async create({ id, name, tier, overdraft }) {
      try {
        await sql`
          with made as (insert into tenant (id, name, tier) values (${id}, ${name}, ${tier}) returning id)
          insert into account (kind, tenant, overdraft) select 'tenant', id, ${overdraft as bigint}::bigint from made`;
      } catch (thrown) {
        throw refusalOf(thrown, id);
      }
      const made = await get(id);
      if (made === undefined) throw new Error(`tenant ${id} vanished while it was made`);
      return made;
    },
    async list({ limit, after }) {
      const rows = await sql<Row[]>`
        select t.id, t.name, t.tier, t.created_at, a.overdraft
        from tenant t join account a on a.tenant = t.id and a.kind = 'tenant'
        where t.id > ${after ?? ""} order by t.id limit ${limit}`;
      return rows.map(tenantOf);
    },
    async update(id, { name, tier, overdraft }) {
      try {
        await sql.begin(async (transaction) => {
          await transaction`
            update tenant set name = coalesce(${name ?? null}, name), tier = coalesce(${tier ?? null}, tier)
            where id = ${id}`;
          if (overdraft === undefined) return;
          await transaction`
            update account set overdraft = ${overdraft as bigint} where kind = 'tenant' and tenant = ${id}`;
        });
      } catch (thrown) {
        if (codeOf(thrown) === OUT_OF_RANGE) {
          const message =
            "Invalid 'overdraft': together with the balance it is more than the ledger can hold.";
          throw new SluiceError("invalid_request", message, { param: "overdraft", cause: thrown });
        }
        if (codeOf(thrown) !== CHECK) throw thrown;
        throw new SluiceError("conflict", "More of the overdraft is in use than the new one allows.", {
          param: "overdraft",
          cause: thrown,
        });
      }
      return get(id);
    },
  };
}

function refusalOf(thrown: unknown, id: string): unknown {
  const code = codeOf(thrown);
  if (code === UNIQUE) {
    return new SluiceError("conflict", `The tenant '${id}' exists already.`, { param: "id", cause: thrown });
  }
  if (code === CHECK) {
    const rule = "must be 1 to 64 letters, digits, '_', '.', ':' or '-', beginning with a letter or digit";
    return new SluiceError("invalid_request", `Invalid 'id': ${rule}.`, { param: "id", cause: thrown });
  }
  return thrown;
}

function tenantOf({ id, name, tier, overdraft, created_at }: Row): Tenant {
  return {
    id: tenantId(id),
    name,
    tier,
    overdraft: micropointsOf(overdraft),
    createdAt: created_at.getTime(),
  };
}
