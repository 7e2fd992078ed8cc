import { SluiceError } from "../core/errors.ts";
import type { TenantId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { MediaStore, StoredMedia } from "./media.ts";
import type { Objects } from "./objects.ts";
import { type Form, formName, type Pictures } from "./pictures.ts";
import { reached } from "./reached.ts";
import type { MediaRows } from "./rows.ts";

export interface FormPorts {
  readonly store: Pick<MediaStore, "bytes">;
  readonly rows: MediaRows;
  readonly objects: Objects;
  readonly pictures: Pictures;
  readonly log: Log;
}

/** Kept pictures in other forms: made when they are first asked for, and kept with the picture while there is room. */
export interface Forms {
  /** @throws SluiceError `invalid_request` for a damaged picture, `rate_limit_exceeded`, `overloaded`, `not_found` */
  read(media: StoredMedia, form: Form): Promise<FormBytes>;
}

export interface FormBytes {
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

/** Forms of one picture that are kept: a set for a web page in three formats. Others are made each time. */
export const MOST_FORMS = 16;
/** Being made of one tenant's pictures: whoever has a link can ask, and must not take all turns there are. */
export const MOST_AT_ONCE_PER_TENANT = 16;

export function createForms(ports: FormPorts): Forms {
  /** By hash and form: who asks for the same in the meantime gets the same. */
  const making = new Map<string, Promise<FormBytes>>();
  const perTenant = new Map<TenantId, number>();

  const count = (tenant: TenantId, step: number): void => {
    const now = (perTenant.get(tenant) ?? 0) + step;
    if (now === 0) perTenant.delete(tenant);
    else perTenant.set(tenant, now);
  };

  const make = async (media: StoredMedia, form: Form): Promise<FormBytes> => {
    if ((perTenant.get(media.tenant) ?? 0) >= MOST_AT_ONCE_PER_TENANT) throw tooMany();
    count(media.tenant, 1);
    try {
      return await made(ports, media, form);
    } finally {
      count(media.tenant, -1);
    }
  };

  return {
    async read(media, form) {
      const key = keyOf(media, form);
      const running = making.get(key);
      if (running !== undefined) return running;
      const work = make(media, form).finally(() => making.delete(key));
      making.set(key, work);
      return work;
    },
  };
}

const keyOf = ({ hash }: StoredMedia, form: Form): string => `${hash}.${formName(form)}`;

async function made(
  { store, rows, objects, pictures, log }: FormPorts,
  media: StoredMedia,
  form: Form,
): Promise<FormBytes> {
  const { hash } = media;
  const name = formName(form);
  const key = keyOf(media, form);
  const known = await rows.variant(hash, name);
  if (known !== undefined) {
    const body = await reached(log, () => objects.read(key, 0, known.bytes));
    if (body !== undefined) {
      return { contentType: known.contentType, bytes: await new Response(body).bytes() };
    }
  }
  const contentType = `image/${form.format}`;
  const bytes = await pictures.convert(() => store.bytes(media), form);
  if (known !== undefined || (await rows.variants(hash)) < MOST_FORMS) {
    await reached(log, () => objects.put(key, bytes, contentType));
    const isKept = await rows.addVariant(hash, name, { contentType, bytes: bytes.byteLength });
    // The picture went in the meantime, and its forms with it.
    if (!isKept) await reached(log, () => objects.remove(key));
  }
  return { contentType, bytes };
}

const tooMany = (): SluiceError =>
  new SluiceError(
    "rate_limit_exceeded",
    `${MOST_AT_ONCE_PER_TENANT} pictures of this tenant are being converted already. Try again.`,
    { retryAfterMs: 1_000 },
  );
