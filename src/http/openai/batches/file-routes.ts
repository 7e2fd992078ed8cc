import { Elysia } from "elysia";
import { SluiceError } from "../../../core/errors.ts";
import { mediaId } from "../../../core/ids.ts";
import { hasEnded, type Task } from "../../../core/task.ts";
import type { Caller, Gateway } from "../../../gateway/gateway.ts";
import { invalid } from "../../../gateway/requests/fields.ts";
import type { TaskRunner } from "../../../gateway/tasks/runner.ts";
import type { BatchLedger } from "../../../ledger/batches.ts";
import type { MediaStore, StoredMedia } from "../../../media/media.ts";
import { JSON_LINES } from "../../../media/sniff.ts";
import { type AnswerPorts, createAnswer } from "../../answer.ts";
import { type AddressSource, credentialOf } from "../../credential.ts";
import { type FormEntry, type FormFileEntry, formPrint } from "../../form-entries.ts";
import type { Idempotency } from "../../idempotent.ts";
import { listPage, wantedPage } from "../../list-page.ts";
import { nameToKeep, noFile, type Uploads } from "../../media/upload.ts";
import { runOnce } from "../../run-once.ts";
import { pathPart } from "../../stored-text.ts";
import { batchOutput } from "../../tasks/batch-output.ts";
import { callerWithAny } from "../../tasks/task-scopes.ts";
import { type OutputKind, outputOfFileId } from "./batch-object.ts";
import { fileObject, outputFileObject } from "./file-object.ts";

export interface FileRoutePorts extends AnswerPorts {
  readonly gateway: Gateway;
  readonly tasks: Pick<TaskRunner, "find">;
  readonly batches: Pick<BatchLedger, "results">;
  readonly store: Pick<MediaStore, "find" | "list" | "read" | "remove">;
  readonly uploads: Uploads;
  readonly idempotency: Idempotency;
}

/** A file of a tenant's: one that it has uploaded, or what a batch of its was answered with. */
type KnownFile =
  | { readonly kind: "uploaded"; readonly media: StoredMedia }
  | { readonly kind: OutputKind; readonly task: Task };

const PATH = "/v1/files";
const LISTED = { usual: 100, most: 10_000 };
/** The one thing for which OpenAI's files are of use here. */
const PURPOSE = "batch";
/** OpenAI's bounds of how long a file is kept, in seconds. */
const LEAST_KEPT_S = 3_600;
const MOST_KEPT_S = 2_592_000;

/** `/v1/files`: files of JSON lines, out of which batches are made, and what came of these. */
export function fileRoutes(ports: FileRoutePorts) {
  const { gateway, store, uploads, batches } = ports;
  const answer = createAnswer(ports);
  const callerOf = (request: Request, server: AddressSource | null): Promise<Caller> =>
    callerWithAny(gateway, credentialOf(request, server));
  /** May see and remove what others of its tenant have uploaded: by `/v1/media` it could, too. */
  const mediaCallerOf = async (request: Request, server: AddressSource | null): Promise<Caller> =>
    gateway.authenticate(credentialOf(request, server), "media");
  const found = async (request: Request, server: AddressSource | null, id: string): Promise<KnownFile> => {
    const { tenant } = await callerOf(request, server);
    const file = await findFile(ports, tenant, pathPart(id) ?? "");
    if (file === undefined) throw unknownFile();
    return file;
  };
  return new Elysia({ name: "openai files" })
    .post(
      PATH,
      ({ request, server }) =>
        answer(request, PATH, async (id) => {
          const { tenant } = await callerOf(request, server);
          return uploads.takeForm(tenant, request, (entries, keep) => {
            const about = { tenant, id, print: () => formPrint(entries) };
            return runOnce(ports.idempotency, request, about, async () => {
              const { file, ...kept } = uploadIn(entries);
              const name = nameToKeep(file.name);
              const options = { kind: "lines", ...(name === "" ? {} : { name }), ...kept } as const;
              return Response.json(fileObject(await keep(file, options)));
            });
          });
        }),
      { parse: "none" },
    )
    .get(PATH, ({ request, server }) =>
      answer(request, PATH, async () => {
        const { tenant } = await mediaCallerOf(request, server);
        const { limit, after, query } = wantedPage(request.url, LISTED);
        if ((query.get("order") ?? "desc") !== "desc") throw invalid("order", "must be 'desc'");
        if ((query.get("purpose") ?? PURPOSE) !== PURPOSE) return listPage<StoredMedia>([], limit, () => []);
        const which = { contentType: JSON_LINES, most: limit + 1 };
        const files = await store.list(tenant, {
          ...which,
          ...(after === undefined ? {} : { after: mediaId(after) }),
        });
        return listPage(files, limit, (page) => page.map(fileObject));
      }),
    )
    .get(`${PATH}/:id`, ({ request, server, params }) =>
      answer(request, `${PATH}/{id}`, async () => {
        const file = await found(request, server, params.id);
        if (file.kind === "uploaded") return Response.json(fileObject(file.media));
        return Response.json(outputFileObject(file.task, file.kind, await bytesOf(outputOf(batches, file))));
      }),
    )
    .get(`${PATH}/:id/content`, ({ request, server, params }) =>
      answer(request, `${PATH}/{id}/content`, async () => {
        const file = await found(request, server, params.id);
        const headers = { "content-type": JSON_LINES, "x-content-type-options": "nosniff" };
        if (file.kind !== "uploaded") return new Response(outputOf(batches, file), { headers });
        await mediaCallerOf(request, server);
        const { media } = file;
        const length = { "content-length": String(media.bytes) };
        return new Response(await store.read(media, 0, media.bytes), { headers: { ...headers, ...length } });
      }),
    )
    .delete(`${PATH}/:id`, ({ request, server, params }) =>
      answer(request, `${PATH}/{id}`, async () => {
        const file = await found(request, server, params.id);
        if (file.kind !== "uploaded") {
          const message = "What a batch was answered with is kept with it, and goes when it does.";
          throw new SluiceError("conflict", message, { param: "id" });
        }
        await mediaCallerOf(request, server);
        const { id, tenant } = file.media;
        if (!(await store.remove(tenant, id))) throw unknownFile();
        return Response.json({ id, object: "file", deleted: true });
      }),
    );
}

async function findFile(
  { tasks, store }: Pick<FileRoutePorts, "tasks" | "store">,
  tenant: Caller["tenant"],
  id: string,
): Promise<KnownFile | undefined> {
  const output = outputOfFileId(id);
  if (output === undefined) {
    const media = await store.find(tenant, mediaId(id));
    return media?.contentType === JSON_LINES ? { kind: "uploaded", media } : undefined;
  }
  const task = await tasks.find(tenant, output.task);
  if (task?.operation !== "batch" || !hasEnded(task.state)) return undefined;
  return { kind: output.kind, task };
}

const outputOf = (
  batches: FileRoutePorts["batches"],
  { kind, task }: { readonly kind: OutputKind; readonly task: Task },
): ReadableStream<Uint8Array> => batchOutput(batches, task.id, kind === "output");

async function bytesOf(body: ReadableStream<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const piece of body) bytes += piece.byteLength;
  return bytes;
}

/** @throws SluiceError `invalid_request` for a form that asks for no batch's file */
function uploadIn(entries: readonly FormEntry[]): {
  readonly file: FormFileEntry;
  readonly keepForMs?: number;
} {
  const texts = new Map(entries.filter((entry) => typeof entry[1] === "string"));
  if (texts.get("purpose") !== PURPOSE) throw invalid("purpose", `must be '${PURPOSE}'`);
  const file = new Map(entries).get("file");
  if (file === undefined || typeof file === "string") throw noFile();
  const wanted = texts.get("expires_after[seconds]");
  if (wanted === undefined) return { file };
  const seconds = Number(wanted);
  if (!Number.isInteger(seconds) || seconds < LEAST_KEPT_S || seconds > MOST_KEPT_S) {
    throw invalid("expires_after.seconds", `must be an integer from ${LEAST_KEPT_S} to ${MOST_KEPT_S}`);
  }
  return { file, keepForMs: seconds * 1_000 };
}

const unknownFile = (): SluiceError =>
  new SluiceError("not_found", "There is no such file of yours.", { param: "id" });
