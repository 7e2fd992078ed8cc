import { SluiceError } from "../core/errors.ts";
import type { StoredMedia } from "./media.ts";
import { createTurns } from "./turns.ts";

/** The same picture in another form or size. */
export interface Form {
  readonly format: PictureFormat;
  /** The box that it must fit; absent: as it is. */
  readonly width?: number;
  readonly height?: number;
  /** 1 to 100; of no meaning for PNG. */
  readonly quality: number;
}

/** What can be written on every platform: AVIF and HEIC are not. */
const PICTURE_FORMATS = ["webp", "jpeg", "png"] as const;
export type PictureFormat = (typeof PICTURE_FORMATS)[number];

/** Both sides of a form, in pixels. */
export const MOST_SIDE = 4_096;
/** Of a picture before it is unpacked: at four bytes each, 160 MiB. */
export const MOST_PIXELS = 40_000_000;
const DEFAULT_QUALITY = 80;

/** Pictures unpacked at once: with the bound above, half of a gigabyte at most. */
const AT_ONCE = 2;
/** Waiting: a page of thumbnails. */
const MOST_WAITING = 64;

/**
 * The form that `?format=&w=&h=&q=` asks for; undefined when it asks for none.
 * @throws SluiceError `invalid_request` with the parameter
 */
export function formOf(query: URLSearchParams, media: StoredMedia): Form | undefined {
  const format = query.get("format");
  const width = sideOf(query, "w");
  const height = sideOf(query, "h");
  const quality = numberOf(query, "q", 100);
  if (format === null && width === undefined && height === undefined && quality === undefined)
    return undefined;
  const pixels = (media.width ?? 0) * (media.height ?? 0);
  if (pixels === 0) throw invalid("format", "only PNG, JPEG, WebP and GIF pictures can be converted");
  if (pixels > MOST_PIXELS)
    throw invalid("format", `a picture of more than ${MOST_PIXELS} pixels is not converted`);
  return {
    format: format === null ? ownFormat(media) : knownFormat(format),
    ...(width === undefined ? {} : { width }),
    ...(height === undefined ? {} : { height }),
    quality: quality ?? DEFAULT_QUALITY,
  };
}

/** Names a form; two that ask for the same have the same name. */
export const formName = ({ format, width = 0, height = 0, quality }: Form): string =>
  `${width}x${height}${format === "png" ? "" : `-q${quality}`}.${format}`;

export interface Pictures {
  /** Pixels, without unpacking; undefined when it cannot be read. */
  sizeOf(path: string): Promise<{ readonly width: number; readonly height: number } | undefined>;
  /** @throws SluiceError `invalid_request` when it cannot be unpacked, `overloaded` when too many are */
  convert(bytes: () => Promise<Uint8Array>, form: Form): Promise<Uint8Array>;
}

export function createPictures(): Pictures {
  const turns = createTurns(AT_ONCE, MOST_WAITING);
  return {
    async sizeOf(path) {
      try {
        const { width, height } = await new Bun.Image(path).metadata();
        return width > 0 && height > 0 ? { width, height } : undefined;
      } catch {
        return undefined;
      }
    },
    convert: (bytes, form) => turns.run(async () => converted(await bytes(), form)),
  };
}

async function converted(bytes: Uint8Array, { format, width, height, quality }: Form): Promise<Uint8Array> {
  const picture = new Bun.Image(bytes, { maxPixels: MOST_PIXELS });
  if (width !== undefined || height !== undefined) {
    picture.resize(width ?? MOST_SIDE, height ?? MOST_SIDE, { fit: "inside", withoutEnlargement: true });
  }
  if (format === "png") picture.png();
  else picture[format]({ quality });
  try {
    return await picture.bytes();
  } catch (cause) {
    throw new SluiceError("invalid_request", "The picture is damaged and cannot be converted.", { cause });
  }
}

function ownFormat({ contentType }: StoredMedia): PictureFormat {
  const own = PICTURE_FORMATS.find((format) => contentType === `image/${format}`);
  return own ?? "png";
}

function knownFormat(text: string): PictureFormat {
  const format = PICTURE_FORMATS.find((name) => name === text || (name === "jpeg" && text === "jpg"));
  if (format === undefined) throw invalid("format", `must be ${PICTURE_FORMATS.join(", ")}`);
  return format;
}

const sideOf = (query: URLSearchParams, name: string): number | undefined => numberOf(query, name, MOST_SIDE);

function numberOf(query: URLSearchParams, name: string, most: number): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = Number(text);
  if (!/^[1-9]\d{0,4}$/.test(text) || value > most) throw invalid(name, `must be a number from 1 to ${most}`);
  return value;
}

const invalid = (param: string, why: string): SluiceError =>
  new SluiceError("invalid_request", `Invalid '${param}': ${why}.`, { param });
