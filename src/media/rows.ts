import { type MediaId, mediaId, type TenantId, tenantId } from "../core/ids.ts";
import { codeOf, type Sql } from "../ledger/database.ts";
import type { MediaSelection, MediaSource, StoredMedia } from "./media.ts";

/** What is kept, by whom, and how often the same bytes are. */
export interface MediaRows {
  /** Before bytes are stored: nobody removes them for `CLAIM_MS` from now. */
  claim(hash: string, bytes: number): Promise<void>;
  /** False: the tenant's uploads take too much already. */
  add(media: NewMedia, mostUploadBytes: number): Promise<StoredMedia | undefined>;
  find(id: MediaId): Promise<StoredMedia | undefined>;
  list(tenant: TenantId, which: MediaSelection): Promise<readonly StoredMedia[]>;
  remove(tenant: TenantId, id: MediaId): Promise<boolean>;
  /** Forgets what has expired, at most so many at once. Answers how many. */
  forgetExpired(most: number): Promise<number>;
  /**
   * Hands one object that nobody has any more to `remove`, with the forms it has, and forgets it. While that runs
   * nobody can claim it. False: there is none. Rejects as `remove` does; the object's turn comes again after `CLAIM_MS`.
   */
  sweepOne(remove: (hash: string, forms: readonly string[]) => Promise<void>): Promise<boolean>;
  variant(hash: string, form: string): Promise<Variant | undefined>;
  /** How many forms of it are kept. */
  variants(hash: string): Promise<number>;
  /** False: what it is a form of is gone. */
  addVariant(hash: string, form: string, variant: Variant): Promise<boolean>;
}

export interface NewMedia {
  readonly id: MediaId;
  readonly tenant: TenantId;
  readonly hash: string;
  readonly contentType: string;
  readonly bytes: number;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly source: MediaSource;
  readonly name: string | undefined;
  readonly keepForMs: number;
}

export interface Variant {
  readonly contentType: string;
  readonly bytes: number;
}

/** Longer than the largest file takes into the slowest store. */
export const CLAIM_MS = 3_600_000;

interface Row {
  readonly id: string;
  readonly tenant: string;
  readonly hash: string;
  readonly content_type: string;
  readonly bytes: bigint;
  readonly width: number | null;
  readonly height: number | null;
  readonly source: MediaSource;
  readonly name: string | null;
  readonly created_at: Date;
  readonly expires_at: Date;
}

const FOREIGN_KEY = "23503";

export function createMediaRows(sql: Sql): MediaRows {
  return {
    async claim(hash, bytes) {
      await sql`insert into media_object (hash, bytes) values (${hash}, ${bytes})
                on conflict (hash) do update set claimed_at = now()`;
    },
    async add(media, mostUploadBytes) {
      const [row] = await sql.begin(async (own) => {
        if (media.source === "upload") {
          // Locked, so that uploads at the same time do not all find the same room.
          await own`insert into media_room (tenant, bytes) values (${media.tenant}, 0) on conflict do nothing`;
          const [room] = await own<{ bytes: bigint }[]>`
            select bytes from media_room where tenant = ${media.tenant} for update`;
          if (Number(room?.bytes ?? 0n) + media.bytes > mostUploadBytes) return [];
        }
        return own<Row[]>`
          insert into media (id, tenant, hash, content_type, bytes, width, height, source, name,
                             expires_at)
          values (${media.id}, ${media.tenant}, ${media.hash}, ${media.contentType}, ${media.bytes},
                  ${media.width ?? null}, ${media.height ?? null}, ${media.source}, ${media.name ?? null},
                  now() + ${media.keepForMs} * interval '1 millisecond')
          returning *`;
      });
      return row === undefined ? undefined : mediaOf(row);
    },
    async find(id) {
      const [row] = await sql<Row[]>`select * from media where id = ${id} and expires_at > now()`;
      return row === undefined ? undefined : mediaOf(row);
    },
    async list(tenant, { contentType, most, after }) {
      const rows = await sql<Row[]>`
        select m.* from media m
        where m.tenant = ${tenant} and m.content_type = ${contentType} and m.expires_at > now()
          and (${after ?? null}::text is null or (m.created_at, m.id) <
               (select a.created_at, a.id from media a where a.tenant = ${tenant} and a.id = ${after ?? null}))
        order by m.created_at desc, m.id desc limit ${most}`;
      return rows.map(mediaOf);
    },
    async remove(tenant, id) {
      const { count } = await sql`delete from media where id = ${id} and tenant = ${tenant}`;
      return count > 0;
    },
    async forgetExpired(most) {
      const { count } = await sql`
        delete from media where id in (
          select id from media where expires_at < now() order by expires_at limit ${most} for update skip locked)`;
      return count;
    },
    async sweepOne(remove) {
      let failed: string | undefined;
      try {
        return await sql.begin(async (own) => {
          const [object] = await own<{ hash: string }[]>`
            select hash from media_object
            where refs = 0 and claimed_at < now() - ${CLAIM_MS} * interval '1 millisecond'
            order by claimed_at limit 1 for update skip locked`;
          if (object === undefined) return false;
          failed = object.hash;
          const forms = await own<{ form: string }[]>`
            select form from media_variant where hash = ${object.hash}`;
          await remove(
            object.hash,
            forms.map(({ form }) => form),
          );
          await own`delete from media_object where hash = ${object.hash}`;
          return true;
        });
      } catch (thrown) {
        // To the end of the line, so that one that cannot be removed does not hold up the others.
        if (failed !== undefined)
          await sql`update media_object set claimed_at = now() where hash = ${failed}`;
        throw thrown;
      }
    },
    async variant(hash, form) {
      const [row] = await sql<{ content_type: string; bytes: bigint }[]>`
        select content_type, bytes from media_variant where hash = ${hash} and form = ${form}`;
      return row === undefined ? undefined : { contentType: row.content_type, bytes: Number(row.bytes) };
    },
    async variants(hash) {
      const [row] = await sql<{ many: number }[]>`
        select count(*)::integer as many from media_variant where hash = ${hash}`;
      return row?.many ?? 0;
    },
    async addVariant(hash, form, { contentType, bytes }) {
      try {
        await sql`insert into media_variant (hash, form, content_type, bytes)
                  values (${hash}, ${form}, ${contentType}, ${bytes}) on conflict do nothing`;
        return true;
      } catch (thrown) {
        if (codeOf(thrown) === FOREIGN_KEY) return false;
        throw thrown;
      }
    },
  };
}

const mediaOf = (row: Row): StoredMedia => ({
  id: mediaId(row.id),
  tenant: tenantId(row.tenant),
  hash: row.hash,
  contentType: row.content_type,
  bytes: Number(row.bytes),
  width: row.width ?? undefined,
  height: row.height ?? undefined,
  source: row.source,
  name: row.name ?? undefined,
  createdAt: row.created_at.getTime(),
  expiresAt: row.expires_at.getTime(),
});
