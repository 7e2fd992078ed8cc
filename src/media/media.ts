import type { MediaId, TenantId } from "../core/ids.ts";

/** Pictures, sound and files of JSON lines that are kept: what vendors made, what clients sent. */
export interface MediaStore {
  /**
   * Keeps bytes for a tenant; the same bytes are stored once. What it is, is read from the bytes.
   * @throws SluiceError `invalid_request` for what is neither picture nor sound (or no JSON lines, where these are
   *   expected), `payload_too_large`, `overloaded` when the store cannot be reached
   */
  keep(tenant: TenantId, body: MediaBody, options: KeepOptions): Promise<StoredMedia>;
  /**
   * Fetches a URL (guarded: `outbound/`) and keeps what is behind it.
   * @throws SluiceError as above, and OutboundError when it cannot be fetched; a status but 200 is `unreachable`
   */
  keepUrl(tenant: TenantId, url: string, options: KeepUrlOptions): Promise<StoredMedia>;
  /** Undefined: there is none, it has expired, or it is another tenant's. */
  find(tenant: TenantId, id: MediaId): Promise<StoredMedia | undefined>;
  /** A tenant's of one content type, the newest first. */
  list(tenant: TenantId, which: MediaSelection): Promise<readonly StoredMedia[]>;
  /** From `start` up to and without `end`. @throws SluiceError `not_found` when the bytes are gone */
  read(media: StoredMedia, start: number, end: number): Promise<ReadableStream<Uint8Array>>;
  /** All of it, for vendors that take bytes. At most what `maxBytes` lets in. @throws SluiceError `not_found` */
  bytes(media: StoredMedia): Promise<Uint8Array>;
  /** Removes it for its tenant. False: there was none. */
  remove(tenant: TenantId, id: MediaId): Promise<boolean>;
  /**
   * A signed URL that opens it until it expires.
   * @param base where clients reach this gateway (`https://ai.example.com`), as the request said; the configured
   *   `publicUrl` wins over it
   */
  link(media: StoredMedia, base: string): string;
}

/** A `ReadableStream` is one, too. */
export type MediaBody = Uint8Array | AsyncIterable<Uint8Array>;

/** Where it came from: a vendor's result, a client's upload, or a URL that a client named as input. */
const MEDIA_SOURCES = ["result", "upload", "input"] as const;
export type MediaSource = (typeof MEDIA_SOURCES)[number];

export interface KeepOptions {
  readonly source: MediaSource;
  /** Absent: a picture or sound. */
  readonly kind?: "lines";
  /** As its client calls it. */
  readonly name?: string;
  /** Less than the configured `maxBytes`; absent: that. */
  readonly mostBytes?: number;
  /** Shorter than the configured `keepFor`; absent: that. Milliseconds. */
  readonly keepForMs?: number;
}

export interface MediaSelection {
  readonly contentType: string;
  readonly most: number;
  /** The last one of the page before. */
  readonly after?: MediaId;
}

export interface KeepUrlOptions extends KeepOptions {
  /** The `baseUrl` of the vendor that answered with this URL. */
  readonly trusted?: string;
  readonly signal?: AbortSignal;
}

export interface StoredMedia {
  readonly id: MediaId;
  readonly tenant: TenantId;
  /** SHA-256 of its bytes, in hex. */
  readonly hash: string;
  /** As its bytes say. */
  readonly contentType: string;
  readonly bytes: number;
  /** Pixels; undefined for sound, and for pictures that cannot be read here (AVIF, HEIC). */
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly source: MediaSource;
  /** As its client called it. */
  readonly name: string | undefined;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly expiresAt: number;
}
