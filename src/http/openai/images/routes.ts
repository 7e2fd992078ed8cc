import { Elysia } from "elysia";
import { asSluiceError, SluiceError } from "../../../core/errors.ts";
import type { JsonObject } from "../../../core/generation.ts";
import type { RequestId, TaskId } from "../../../core/ids.ts";
import type { MediaOperation, MediaRequest } from "../../../core/media.ts";
import { formatPoints } from "../../../core/points.ts";
import type { Task } from "../../../core/task.ts";
import type { Caller, Gateway } from "../../../gateway/gateway.ts";
import { asBody, invalid } from "../../../gateway/requests/fields.ts";
import { parseMedia } from "../../../gateway/requests/media.ts";
import type { TaskRunner } from "../../../gateway/tasks/runner.ts";
import { sameTaskId } from "../../../gateway/tasks/same-task.ts";
import type { AcceptedTask } from "../../../gateway/tasks/task-ports.ts";
import type { MediaStore } from "../../../media/media.ts";
import { type AnswerPorts, createAnswer } from "../../answer.ts";
import { parseJson, readBody } from "../../body.ts";
import { type AddressSource, credentialOf } from "../../credential.ts";
import { errorBody, rateLimitHeaders } from "../../errors.ts";
import { type FormEntry, formPrint, isForm, readFormEntries } from "../../form-entries.ts";
import { headerList, headerText } from "../../header-text.ts";
import type { Idempotency } from "../../idempotent.ts";
import { runOnce } from "../../run-once.ts";
import { readImageForm } from "./form.ts";
import { type ImageForm, imageAnswer, imageEvents, type ShownImages } from "./image-answer.ts";

export interface ImageRoutePorts extends AnswerPorts {
  readonly gateway: Gateway;
  readonly tasks: TaskRunner;
  readonly store: MediaStore;
  readonly idempotency: Idempotency;
  readonly bodyLimitBytes: number;
}

/** Where pictures are asked for and waited for. `/api/v1/image` is the platform's own name; with a picture it edits. */
const ENDPOINTS: readonly { readonly path: string; readonly operation?: MediaOperation }[] = [
  { path: "/v1/images/generations", operation: "image" },
  { path: "/v1/images/edits", operation: "image_edit" },
  { path: "/api/v1/image" },
];

/** What Bun's server does for a running request. */
type RequestServer = AddressSource & { timeout(request: Request, seconds: number): void };

/** OpenAI's calls for pictures. Each is a task that is waited for, so nothing is lost with a connection or a node. */
export function imageRoutes(ports: ImageRoutePorts) {
  const answer = createAnswer(ports);
  const app = new Elysia({ name: "openai-images" });
  for (const { path, operation } of ENDPOINTS) {
    app.post(
      path,
      ({ request, server }) =>
        answer(request, path, (id) => create(ports, path, operation, request, server, id)),
      { parse: "none" },
    );
  }
  return app;
}

interface Asked {
  readonly request: MediaRequest;
  readonly form: ImageForm;
  readonly isStream: boolean;
}

async function create(
  ports: ImageRoutePorts,
  path: string,
  operation: MediaOperation | undefined,
  request: Request,
  server: RequestServer | null,
  id: RequestId,
): Promise<Response> {
  const caller = await ports.gateway.authenticate(credentialOf(request, server), "images");
  const bytes = await readBody(request, ports.bodyLimitBytes);
  const asked = await read(bytes, request.headers.get("content-type") ?? "", operation);
  server?.timeout(request, 0);
  const { tenant } = caller;
  const { entries } = asked;
  const print = entries === undefined ? bytes : () => formPrint(entries);
  return runOnce(ports.idempotency, request, { tenant, id, print, about: path }, (named, signal) => {
    const same = named && sameTaskId(tenant, named.key, named.fingerprint);
    return answered(ports, caller, asked, { path, base: new URL(request.url).origin, id, signal, same });
  });
}

async function read(
  bytes: Uint8Array,
  contentType: string,
  operation: MediaOperation | undefined,
): Promise<Asked & { readonly entries: readonly FormEntry[] | undefined }> {
  const entries = isForm(contentType) ? await readFormEntries(bytes, contentType) : undefined;
  const form = entries && readImageForm(entries);
  const body = form?.body ?? asBody(parseJson(bytes));
  const files = form ?? { images: [] };
  const hasPicture = files.images.length > 0 || ["image", "images"].some((name) => isGiven(body[name]));
  const request = parseMedia(body, operation ?? (hasPicture ? "image_edit" : "image"), files);
  return { request, form: formOf(body), isStream: body.stream === true, entries };
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

function formOf({ response_format }: JsonObject): ImageForm {
  if (!isGiven(response_format) || response_format === "b64_json") return "b64_json";
  if (response_format === "url") return "url";
  throw invalid("response_format", "must be 'b64_json' or 'url'");
}

interface Terms {
  readonly path: string;
  readonly base: string;
  readonly id: RequestId;
  /** The client's; absent: it is made whether anybody stays or not. */
  readonly signal: AbortSignal | undefined;
  /** With an idempotency key: the task that the request is, however often it comes. */
  readonly same: TaskId | undefined;
}

async function answered(
  ports: ImageRoutePorts,
  caller: Caller,
  { request, form, isStream }: Asked,
  { path, base, id, signal, same }: Terms,
): Promise<Response> {
  const wish = { request, path, base, isAwaited: true, ...(same === undefined ? {} : { id: same }) };
  const accepted = await ports.tasks.accept(caller, wish, id);
  const leave = () => ports.tasks.abandon(caller.tenant, accepted.task.id);
  signal?.addEventListener("abort", leave, { once: true });
  const shown: ShownImages = { store: ports.store, base, form };
  if (isStream) return streamed(accepted, id, (task) => imageEvents(shown, task, request), leave);
  const { task, attempts } = await ended(accepted).finally(() => signal?.removeEventListener("abort", leave));
  const headers = headersOf(accepted, id, task, attempts);
  return Response.json(await imageAnswer(shown, task, request), { headers });
}

/** @throws SluiceError when there are no pictures */
async function ended({
  ended: end,
  task: { id },
}: AcceptedTask): Promise<{ readonly task: Task; readonly attempts: number }> {
  const result = await end;
  if (result === undefined) {
    const message = `This node stops; the task ${id} goes on elsewhere: GET /v1/tasks/${id}.`;
    throw new SluiceError("overloaded", message, { retryAfterMs: 1_000 });
  }
  const { error, state } = result.task;
  if (state === "succeeded") return result;
  throw new SluiceError(error?.code ?? "internal_error", error?.message ?? "The task failed.", {
    attempts: result.attempts,
    ...(error?.param === undefined ? {} : { param: error.param }),
  });
}

function headersOf(
  accepted: AcceptedTask,
  id: RequestId,
  task: Task,
  attempts: number,
): Record<string, string> {
  const headers: Record<string, string> = { "x-request-id": id, "x-sluice-task": task.id };
  if (task.vendor !== undefined) headers["x-sluice-vendor"] = headerText(task.vendor);
  if (task.vendorModel !== undefined) headers["x-sluice-model"] = headerText(task.vendorModel);
  headers["x-sluice-attempts"] = String(attempts);
  if (task.cost !== undefined) headers["x-sluice-cost"] = formatPoints(task.cost);
  const dropped = task.result?.dropped ?? [];
  if (dropped.length > 0) headers["x-sluice-dropped"] = headerList(dropped);
  for (const state of [accepted.limit, accepted.tokenLimit]) {
    if (state !== undefined) Object.assign(headers, rateLimitHeaders(state));
  }
  return headers;
}

const encoder = new TextEncoder();

/** An event for each picture, as OpenAI's stream has it: no `[DONE]` behind the last one. */
function streamed(
  accepted: AcceptedTask,
  id: RequestId,
  eventsOf: (task: Task) => Promise<readonly JsonObject[]>,
  leave: () => void,
): Response {
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      const write = (text: string) => controller.enqueue(encoder.encode(text));
      try {
        const { task } = await ended(accepted);
        for (const event of await eventsOf(task)) {
          write(`event: ${String(event.type)}\ndata: ${JSON.stringify(event)}\n\n`);
        }
        const cost = task.cost === undefined ? null : formatPoints(task.cost);
        write(
          `: sluice ${JSON.stringify({ outcome: "completed", cost, vendor: task.vendor, task: task.id })}\n\n`,
        );
      } catch (thrown) {
        write(
          `event: error\ndata: ${JSON.stringify({ type: "error", ...errorBody(asSluiceError(thrown), id) })}\n\n`,
        );
      }
      controller.close();
    },
    cancel: leave,
  });
  const headers = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
    "x-request-id": id,
    "x-sluice-task": accepted.task.id,
  };
  return new Response(body, { headers });
}
