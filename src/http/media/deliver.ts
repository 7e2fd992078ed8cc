import type { Clock } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import { type MediaId, mediaId, type RequestId } from "../../core/ids.ts";
import type { Gateway } from "../../gateway/gateway.ts";
import type { Forms } from "../../media/forms.ts";
import type { Links } from "../../media/links.ts";
import type { StoredMedia } from "../../media/media.ts";
import type { OpenMediaStore } from "../../media/media-store.ts";
import { formName, formOf } from "../../media/pictures.ts";
import { extensionOf } from "../../media/sniff.ts";
import { type AddressSource, credentialOf } from "../credential.ts";
import { errorResponse } from "../errors.ts";
import { queryOf } from "../stored-text.ts";
import { isMatched, rangeOf } from "./byte-range.ts";

export interface DeliverPorts {
  readonly gateway: Pick<Gateway, "authenticate">;
  readonly store: OpenMediaStore;
  readonly forms: Forms;
  readonly links: Links;
  readonly clock: Clock;
}

/** What is shown, and to whom it may be shown again. */
interface Shown {
  readonly media: StoredMedia;
  /** Epoch milliseconds. */
  readonly until: number;
  /** Any cache may keep it: the URL is what opens it. */
  readonly isPublic: boolean;
}

/** Bytes that are about to leave. */
interface Content {
  readonly contentType: string;
  readonly etag: string;
  readonly bytes: number;
  read(start: number, end: number): Promise<ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer>>;
}

/**
 * `GET` and `HEAD /v1/media/{id}`, by a signed link or a key of its tenant. Forms and sizes are not part of what is
 * signed: who may see a picture may see it smaller, and how much is converted has its own bounds.
 * @throws SluiceError `permission_denied` for a link that is none or has expired, `not_found`, `invalid_request`
 */
export async function deliver(
  ports: DeliverPorts,
  request: Request,
  server: AddressSource | null,
  id: string,
  requestId: RequestId,
): Promise<Response> {
  const query = queryOf(request.url);
  const shown = await authorized(ports, request, server, mediaId(id), query);
  const content = await contentOf(ports, shown.media, query, request);
  const headers = headersOf(ports.clock, shown, content, query);
  if (isMatched(request.headers.get("if-none-match"), content.etag)) {
    return new Response(null, { status: 304, headers });
  }
  const { bytes } = content;
  const range = rangeOf(wantedRange(request, content.etag), bytes);
  if (range === "unsatisfiable") {
    const message = `There are ${bytes} bytes, and none of them is in this range.`;
    const detail = { param: "Range", status: 416 };
    const response = errorResponse(new SluiceError("invalid_request", message, detail), requestId);
    response.headers.set("content-range", `bytes */${bytes}`);
    return response;
  }
  const { start, end } = range ?? { start: 0, end: bytes };
  headers.set("content-length", String(end - start));
  if (range !== undefined) headers.set("content-range", `bytes ${start}-${end - 1}/${bytes}`);
  const body = request.method === "HEAD" ? lengthAlone(end - start) : await content.read(start, end);
  return new Response(body, { status: range === undefined ? 200 : 206, headers });
}

async function authorized(
  { gateway, store, links, clock }: DeliverPorts,
  request: Request,
  server: AddressSource | null,
  id: MediaId,
  query: URLSearchParams,
): Promise<Shown> {
  const [expires, signature] = [query.get("expires"), query.get("signature")];
  if (expires === null && signature === null) {
    const { tenant } = await gateway.authenticate(credentialOf(request, server), "media");
    const media = await store.find(tenant, id);
    if (media === undefined) throw unknown();
    return { media, until: media.expiresAt, isPublic: false };
  }
  const link = links.verify(id, expires ?? "", signature ?? "");
  if (link === undefined) throw refused("This link is not valid: it was changed, or is not from here.");
  if (link.expiresAt <= clock.now()) throw refused("This link has expired.");
  const media = await store.findAny(id);
  if (media === undefined) throw unknown();
  return { media, until: Math.min(link.expiresAt, media.expiresAt), isPublic: true };
}

async function contentOf(
  { store, forms }: DeliverPorts,
  media: StoredMedia,
  query: URLSearchParams,
  request: Request,
): Promise<Content> {
  const form = formOf(query, media);
  const { hash, contentType, bytes } = media;
  if (form === undefined) {
    return { contentType, bytes, etag: `"${hash}"`, read: (start, end) => store.read(media, start, end) };
  }
  const etag = `"${hash}-${formName(form)}"`;
  // Not made to be told that it is known.
  if (isMatched(request.headers.get("if-none-match"), etag)) {
    return { contentType: `image/${form.format}`, bytes: 0, etag, read: async () => new Uint8Array() };
  }
  const made = await forms.read(media, form);
  return {
    contentType: made.contentType,
    bytes: made.bytes.byteLength,
    etag,
    read: async (start, end) => made.bytes.slice(start, end),
  };
}

function headersOf(
  clock: Clock,
  { media, until, isPublic }: Shown,
  { contentType, etag }: Content,
  query: URLSearchParams,
): Headers {
  const seconds = Math.max(0, Math.floor((until - clock.now()) / 1_000));
  const name = `${media.id}.${extensionOf(contentType)}`;
  return new Headers({
    "content-type": contentType,
    etag,
    "accept-ranges": "bytes",
    "cache-control": `${isPublic ? "public" : "private"}, max-age=${seconds}, immutable`,
    "content-disposition": `${query.has("download") ? "attachment" : "inline"}; filename="${name}"`,
    "last-modified": new Date(media.createdAt).toUTCString(),
    "x-content-type-options": "nosniff",
    // Whatever it is, nothing in it runs under this host's name.
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "cross-origin",
  });
}

/** A part goes on only with what the client has the beginning of. */
function wantedRange({ headers }: Request, etag: string): string | null {
  const ifRange = headers.get("if-range");
  return ifRange === null || ifRange === etag ? headers.get("range") : null;
}

/**
 * A body for `HEAD`, of which nothing is sent. Elysia finds out how long an answer would be by adding up the
 * `byteLength` of its pieces; this one has a length and no bytes, so that nothing is read for it.
 */
function lengthAlone(byteLength: number): ReadableStream {
  return new ReadableStream({
    start(controller) {
      controller.enqueue({ byteLength });
      controller.close();
    },
  });
}

const unknown = (): SluiceError =>
  new SluiceError("not_found", "There is no such picture or sound, or it has expired.", { param: "id" });
const refused = (message: string): SluiceError => new SluiceError("permission_denied", message);
