import type { Clock } from "../core/clock.ts";
import { SluiceError } from "../core/errors.ts";
import { type MediaId, mediaId, randomText, type TenantId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { MediaSettings } from "../core/media-settings.ts";
import type { Random } from "../core/random.ts";
import { type Outbound, OutboundError } from "../outbound/outbound.ts";
import { createFairTurns, type FairBounds } from "./fair-turns.ts";
import type { Links } from "./links.ts";
import type { KeepOptions, MediaBody, MediaStore, StoredMedia } from "./media.ts";
import type { Objects } from "./objects.ts";
import type { Pictures } from "./pictures.ts";
import { reached } from "./reached.ts";
import type { MediaRows } from "./rows.ts";
import { beginsAsJsonLines, contentTypeOf, isPicture, JSON_LINES } from "./sniff.ts";
import type { Staged, Staging } from "./staging.ts";

export interface MediaPorts {
  readonly settings: MediaSettings;
  readonly rows: MediaRows;
  readonly objects: Objects;
  readonly staging: Staging;
  readonly pictures: Pictures;
  readonly links: Links;
  readonly outbound: Outbound;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** The store as its own front needs it: by id alone. */
export interface OpenMediaStore extends MediaStore {
  /** Whoever's it is: for who has a signed link. */
  findAny(id: MediaId): Promise<StoredMedia | undefined>;
}

/**
 * Written at once, of each source, so that slow uploads do not hold up vendors' results, and of each tenant, so that
 * pictures that drip hold up none but its own; each has a file open and a connection to the store. All the unfinished tasks
 * that a tenant may have can wait.
 */
const KEEPS: FairBounds = { atOnce: 32, waiting: 1_024, atOnceOfOne: 8, waitingOfOne: 512 };
/** A picture of 50 MB over a slow line. */
const FETCH_MS = 60_000;

export function createMediaStore(ports: MediaPorts): OpenMediaStore {
  const { settings, rows, objects, staging, pictures, links, outbound, clock, random, log } = ports;
  const newTurns = () => createFairTurns(KEEPS);
  const turns = { result: newTurns(), upload: newTurns(), input: newTurns() };

  const keep = async (tenant: TenantId, body: MediaBody, options: KeepOptions): Promise<StoredMedia> => {
    const staged = await staging.write(body, mostBytesOf(options));
    try {
      return await keepStaged(tenant, staged, options);
    } finally {
      await staged.discard();
    }
  };

  const mostBytesOf = ({ mostBytes = settings.maxBytes }: KeepOptions): number =>
    Math.min(mostBytes, settings.maxBytes);

  const keepStaged = async (tenant: TenantId, staged: Staged, options: KeepOptions): Promise<StoredMedia> => {
    const { hash, bytes } = staged;
    const contentType = kindOf(staged.head, options);
    const size = isPicture(contentType) ? await pictures.sizeOf(staged.path) : undefined;
    await rows.claim(hash, bytes);
    await reached(log, async () => {
      if (!(await objects.has(hash))) await objects.putFile(hash, staged.path, contentType);
    });
    const kept = await rows.add(
      {
        id: mediaId(`med_${randomText(random.bytes(24))}`),
        tenant,
        hash,
        contentType,
        bytes,
        width: size?.width,
        height: size?.height,
        source: options.source,
        name: options.name,
        keepForMs: Math.min(options.keepForMs ?? settings.keepForMs, settings.keepForMs),
      },
      settings.tenantBytes,
    );
    if (kept === undefined) throw noRoom(settings.tenantBytes);
    return kept;
  };

  const read = async ({ hash }: StoredMedia, start: number, end: number) => {
    const body = await reached(log, () => objects.read(hash, start, end));
    if (body === undefined) throw gone();
    return body;
  };

  const bytesOf = async (media: StoredMedia): Promise<Uint8Array> =>
    new Response(await read(media, 0, media.bytes)).bytes();

  return {
    keep: (tenant, body, options) => turns[options.source].run(tenant, () => keep(tenant, body, options)),
    keepUrl: (tenant, url, { trusted, signal, ...options }) =>
      turns[options.source].run(tenant, async () => {
        const { status, body } = await outbound.fetch({
          url,
          mostBytes: mostBytesOf(options),
          timeoutMs: FETCH_MS,
          ...(trusted === undefined ? {} : { trusted }),
          ...(signal === undefined ? {} : { signal }),
        });
        if (status !== 200) {
          await body.cancel();
          throw new OutboundError("unreachable", { cause: new Error(`status ${status}`) });
        }
        return keep(tenant, body, options);
      }),
    async find(tenant, id) {
      const media = await rows.find(id);
      return media?.tenant === tenant ? media : undefined;
    },
    findAny: rows.find,
    list: rows.list,
    bytes: bytesOf,
    read,
    remove: rows.remove,
    link(media, base) {
      const until = settings.linkForMs === undefined ? Infinity : clock.now() + settings.linkForMs;
      return links.sign(base, media.id, Math.min(media.expiresAt, until));
    },
  };
}

function kindOf(head: Uint8Array, { kind }: KeepOptions): string {
  if (kind === "lines") {
    if (beginsAsJsonLines(head)) return JSON_LINES;
    throw new SluiceError("invalid_request", "This is no file of JSON lines: it must begin with '{'.", {
      param: "file",
    });
  }
  const contentType = contentTypeOf(head);
  if (contentType === undefined) throw unknownKind();
  return contentType;
}

const unknownKind = (): SluiceError =>
  new SluiceError(
    "invalid_request",
    "This is neither a picture (PNG, JPEG, WebP, GIF, AVIF, HEIC) nor sound (MP3, AAC, WAV, OGG, FLAC, M4A, WebM).",
    { param: "file" },
  );

const noRoom = (bytes: number): SluiceError =>
  new SluiceError(
    "payload_too_large",
    `Your uploads would take more than the ${bytes} bytes that there are for them: delete some, or wait until they expire.`,
    { param: "file" },
  );

const gone = (): SluiceError => new SluiceError("not_found", "This picture or sound is not there any more.");
