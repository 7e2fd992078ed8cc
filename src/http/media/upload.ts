import type { Clock } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import type { TenantId } from "../../core/ids.ts";
import type { KeepOptions, MediaBody, MediaStore, StoredMedia } from "../../media/media.ts";
import { createTurns } from "../../media/turns.ts";
import { isJsonLines, readBody } from "../body.ts";
import { type FormEntry, type FormFileEntry, isForm, readFormEntries } from "../form-entries.ts";

export interface UploadPorts {
  readonly store: Pick<MediaStore, "keep">;
  readonly clock: Clock;
  /** Of one file. */
  readonly maxBytes: number;
}

/** Uploads of one tenant at once: a backend's worth, yet one tenant cannot take all places. */
const MOST_AT_ONCE = 8;
/** Forms are read whole: at once, 8 times the largest file. */
const FORMS_AT_ONCE = 8;
const FORMS_WAITING = 64;
/** What file systems bear. */
const MOST_NAME_CHARS = 255;
/** Around the file in a form. */
const FORM_SLACK_BYTES = 64 * 1024;
/** Of the whole body: the largest file over a slow line. Slower ones would hold a place that others wait for. */
export const UPLOAD_MS = 300_000;

/** Takes a file out of a request: its whole body, or the first file of a form. What it is said to be decides what it may be. */
export interface Uploads {
  /** @throws SluiceError `rate_limit_exceeded`, `payload_too_large`, `invalid_request`, `request_cancelled` */
  take(tenant: TenantId, request: Request): Promise<StoredMedia>;
  /** The same with the file in memory, for who must know what it is before it is kept. */
  takeWhole<Value>(
    tenant: TenantId,
    request: Request,
    use: (bytes: Uint8Array, keep: () => Promise<StoredMedia>) => Promise<Value>,
  ): Promise<Value>;
  /** A form that says more than its file: all of it in memory, and how a file of it is kept. */
  takeForm<Value>(
    tenant: TenantId,
    request: Request,
    use: (entries: readonly FormEntry[], keep: KeepFile) => Promise<Value>,
  ): Promise<Value>;
}

export type KeepFile = (file: FormFileEntry, options: Omit<KeepOptions, "source">) => Promise<StoredMedia>;

export function createUploads(ports: UploadPorts): Uploads {
  const forms = createTurns(FORMS_AT_ONCE, FORMS_WAITING);
  const running = new Map<TenantId, number>();
  const leave = (tenant: TenantId): void => {
    const left = (running.get(tenant) ?? 1) - 1;
    if (left === 0) running.delete(tenant);
    else running.set(tenant, left);
  };
  const among = async <Value>(tenant: TenantId, work: () => Promise<Value>): Promise<Value> => {
    const already = running.get(tenant) ?? 0;
    if (already >= MOST_AT_ONCE) throw tooMany();
    running.set(tenant, already + 1);
    try {
      return await work();
    } finally {
      leave(tenant);
    }
  };
  const keep = (tenant: TenantId, body: MediaBody, options: Omit<KeepOptions, "source">) =>
    ports.store.keep(tenant, body, { ...options, source: "upload" });
  return {
    take: (tenant, request) =>
      among(tenant, async () => {
        const type = formTypeOf(request);
        if (type !== undefined) {
          return forms.run(async () => {
            const file = await fileOf(request, type, ports);
            return keep(tenant, file.bytes, wishOf(file));
          });
        }
        return keep(tenant, inTime(bodyOf(request, ports.maxBytes), ports.clock), wishOf(bareFile(request)));
      }),
    takeWhole: (tenant, request, use) =>
      among(tenant, () =>
        forms.run(async () => {
          const type = formTypeOf(request);
          const file =
            type === undefined
              ? { ...bareFile(request), bytes: await wholeBody(request, ports) }
              : await fileOf(request, type, ports);
          return use(file.bytes, () => keep(tenant, file.bytes, wishOf(file)));
        }),
      ),
    takeForm: (tenant, request, use) =>
      among(tenant, () =>
        forms.run(async () => {
          const type = formTypeOf(request);
          if (type === undefined) throw noFile();
          const keepFile: KeepFile = ({ bytes }, options) => keep(tenant, bytes, options);
          return use(await entriesOf(request, type, ports), keepFile);
        }),
      ),
  };
}

/** Undefined: the body is the file itself. */
function formTypeOf({ headers }: Request): string | undefined {
  const type = headers.get("content-type") ?? "";
  return isForm(type) ? type : undefined;
}

/** What a body without a form says of itself. */
const bareFile = ({ headers }: Request): Omit<FormFileEntry, "bytes"> => ({
  name: "",
  contentType: headers.get("content-type") ?? "",
});

/** How a file is kept that says so of itself. */
function wishOf({ name, contentType }: Omit<FormFileEntry, "bytes">): Omit<KeepOptions, "source"> {
  const isLines = isJsonLines(contentType) || name.toLowerCase().endsWith(".jsonl");
  if (!isLines) return {};
  return { kind: "lines", ...(name === "" ? {} : { name: nameToKeep(name) }) };
}

/** As much of a file's name as the ledger keeps. */
export const nameToKeep = (name: string): string =>
  name.toWellFormed().replaceAll("\0", "").slice(0, MOST_NAME_CHARS).toWellFormed();

/** What says that it is too large is refused before it is read. */
function bodyOf({ headers, body }: Request, maxBytes: number): ReadableStream<Uint8Array> {
  if (Number(headers.get("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
  if (body === null) throw noFile();
  return body;
}

async function wholeBody(request: Request, { maxBytes, clock }: UploadPorts): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of inTime(bodyOf(request, maxBytes), clock)) {
    bytes += piece.byteLength;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    pieces.push(piece);
  }
  return Buffer.concat(pieces, bytes);
}

async function fileOf(request: Request, type: string, ports: UploadPorts): Promise<FormFileEntry> {
  for (const [, value] of await entriesOf(request, type, ports)) if (typeof value !== "string") return value;
  throw noFile();
}

async function entriesOf(
  request: Request,
  type: string,
  { maxBytes, clock }: UploadPorts,
): Promise<readonly FormEntry[]> {
  const late = lateness(clock);
  try {
    const bytes = await Promise.race([readBody(request, maxBytes + FORM_SLACK_BYTES), late.promise]);
    return await readFormEntries(bytes, type);
  } finally {
    late.cancel();
  }
}

/** A body that fails when it is not there in time. */
async function* inTime(body: AsyncIterable<Uint8Array>, clock: Clock): AsyncGenerator<Uint8Array> {
  const late = lateness(clock);
  const pieces = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const piece = await Promise.race([next(pieces), late.promise]);
      if (piece.done === true) return;
      yield piece.value;
    }
  } finally {
    late.cancel();
    // Cancels what is left of it. Not waited for: a piece that is on its way may never come.
    void pieces.return?.().catch(() => {});
  }
}

async function next(pieces: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
  try {
    return await pieces.next();
  } catch (cause) {
    throw new SluiceError("request_cancelled", "The request's body ended early.", { cause });
  }
}

function lateness(clock: Clock): { readonly promise: Promise<never>; cancel(): void } {
  const { promise, reject } = Promise.withResolvers<never>();
  // Whoever is no longer waiting for it has not missed it.
  promise.catch(() => {});
  const message = `An upload may take ${UPLOAD_MS / 1_000} seconds.`;
  const cancel = clock.after(UPLOAD_MS, () => reject(new SluiceError("invalid_request", message)));
  return { promise, cancel };
}

const tooMany = (): SluiceError =>
  new SluiceError("rate_limit_exceeded", `${MOST_AT_ONCE} of your uploads run already. Try again.`, {
    retryAfterMs: 1_000,
  });
const tooLarge = (bytes: number): SluiceError =>
  new SluiceError("payload_too_large", `A file may have at most ${bytes} bytes.`);
export const noFile = (): SluiceError =>
  new SluiceError("invalid_request", "There is no file: send it as the body, or as 'file' of a form.", {
    param: "file",
  });
