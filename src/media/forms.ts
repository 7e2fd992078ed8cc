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
  /** @throws SluiceError `invalid_request` for a damaged picture, `overloaded`, `not_found` */
  read(media: StoredMedia, form: Form): Promise<FormBytes>;
}

export interface FormBytes {
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

/** Forms of one picture that are kept: a set for a web page in three formats. Others are made each time. */
export const MOST_FORMS = 16;

export function createForms({ store, rows, objects, pictures, log }: FormPorts): Forms {
  return {
    async read(media, form) {
      const { hash } = media;
      const name = formName(form);
      const key = `${hash}.${name}`;
      const known = await rows.variant(hash, name);
      if (known !== undefined) {
        const body = await reached(log, () => objects.read(key, 0, known.bytes));
        if (body !== undefined)
          return { contentType: known.contentType, bytes: await new Response(body).bytes() };
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
    },
  };
}
