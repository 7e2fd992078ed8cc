import type { Sql } from "./database.ts";
import type { Seal } from "./sealed.ts";

/** A definition as the configuration file would have it. */
export type Definition = Readonly<Record<string, unknown>>;

export interface ManagedVendor {
  readonly id: string;
  /** With its keys under `keys`. */
  readonly definition: Definition;
}

export interface ManagedModel {
  readonly name: string;
  readonly candidates: readonly Definition[];
}

/** Vendors and models that were made through the admin API. Their keys are sealed in the database. */
export interface Managed {
  vendors(): Promise<readonly ManagedVendor[]>;
  models(): Promise<readonly ManagedModel[]>;
  /** Answers true when it is new. A definition without `keys` or `hookSecret` keeps what is there. */
  putVendor(id: string, definition: Definition): Promise<boolean>;
  putModel(name: string, candidates: readonly Definition[]): Promise<boolean>;
  /** False when there is none. */
  deleteVendor(id: string): Promise<boolean>;
  deleteModel(name: string): Promise<boolean>;
}

/** Definitions are checked by whoever puts them, and again by whoever applies them. */
export function createManaged(sql: Sql, seal: Seal): Managed {
  const secretsNow = async (id: string): Promise<Definition> => {
    const [row] = await sql<{ sealed: Uint8Array }[]>`select sealed from managed_vendor where id = ${id}`;
    return row === undefined ? {} : secretsOf(seal, row.sealed, id);
  };
  return {
    async vendors() {
      const rows = await sql<{ id: string; spec: Definition; sealed: Uint8Array }[]>`
        select id, spec, sealed from managed_vendor order by id`;
      return rows.map(({ id, spec, sealed }) => ({
        id,
        definition: { ...spec, ...secretsOf(seal, sealed, id) },
      }));
    },
    async models() {
      const rows = await sql<{ name: string; spec: { readonly candidates: readonly Definition[] } }[]>`
        select name, spec from managed_model order by name`;
      return rows.map(({ name, spec }) => ({ name, candidates: spec.candidates }));
    },
    async putVendor(id, { keys, hookSecret, ...rest }) {
      const spec = sql.json(JSON.parse(JSON.stringify(rest)));
      const known = keys === undefined || hookSecret === undefined ? await secretsNow(id) : {};
      const secrets = {
        ...known,
        ...(keys === undefined ? {} : { keys }),
        ...(hookSecret === undefined ? {} : { hookSecret }),
      };
      const sealed = seal.seal(JSON.stringify({ keys: [], ...secrets }), id);
      const [row] = await sql<{ is_new: boolean }[]>`
        insert into managed_vendor as m (id, spec, sealed) values (${id}, ${spec}, ${sealed})
        on conflict (id) do update set spec = excluded.spec, updated_at = now(), sealed = excluded.sealed
        returning (xmax = 0) as is_new`;
      return row?.is_new ?? false;
    },
    async putModel(name, candidates) {
      const spec = sql.json(JSON.parse(JSON.stringify({ candidates })));
      const [row] = await sql<{ is_new: boolean }[]>`
        insert into managed_model (name, spec) values (${name}, ${spec})
        on conflict (name) do update set spec = excluded.spec, updated_at = now()
        returning (xmax = 0) as is_new`;
      return row?.is_new ?? false;
    },
    async deleteVendor(id) {
      return (await sql`delete from managed_vendor where id = ${id} returning id`).length > 0;
    },
    async deleteModel(name) {
      return (await sql`delete from managed_model where name = ${name} returning name`).length > 0;
    },
  };
}

/** The keys alone, or with what signs the vendor's messages. */
function secretsOf(seal: Seal, sealed: Uint8Array, id: string): Definition {
  const secrets: unknown = JSON.parse(openedFor(seal, sealed, id));
  return Array.isArray(secrets) ? { keys: secrets } : (secrets as Definition); // what `putVendor` wrote
}

function openedFor(seal: Seal, sealed: Uint8Array, id: string): string {
  try {
    return seal.open(sealed, id);
  } catch (cause) {
    throw new Error(`the keys of the vendor '${id}' cannot be read: is it another master secret?`, { cause });
  }
}
