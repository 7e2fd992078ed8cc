import { Elysia } from "elysia";
import { SluiceError } from "../../core/errors.ts";
import { type RequestId, type TaskId, taskId } from "../../core/ids.ts";
import { hasEnded, TASK_STATES, type Task } from "../../core/task.ts";
import type { Caller, Gateway, Scope } from "../../gateway/gateway.ts";
import { invalid } from "../../gateway/requests/fields.ts";
import type { BatchFiles } from "../../gateway/tasks/batch-file.ts";
import type { BatchWish } from "../../gateway/tasks/order.ts";
import type { TaskRunner } from "../../gateway/tasks/runner.ts";
import { sameTaskId } from "../../gateway/tasks/same-task.ts";
import type { AcceptedTask } from "../../gateway/tasks/task-ports.ts";
import type { BatchLedger } from "../../ledger/batches.ts";
import type { MediaStore } from "../../media/media.ts";
import type { Webhooks } from "../../webhooks/webhooks.ts";
import { type AnswerPorts, createAnswer } from "../answer.ts";
import { isJsonLines, parseJson, readBody } from "../body.ts";
import { type AddressSource, credentialOf } from "../credential.ts";
import { rateLimitHeaders } from "../errors.ts";
import type { Idempotency } from "../idempotent.ts";
import { listPage, wantedPage } from "../list-page.ts";
import { runOnce } from "../run-once.ts";
import { pathPart } from "../stored-text.ts";
import { batchOutput } from "./batch-output.ts";
import { taskEvents } from "./event-body.ts";
import { taskObject } from "./task-object.ts";
import { parseTask, parseTaskLines, unknownTask } from "./task-request.ts";
import { callerWithAny, requireAll, scopesOfPaths } from "./task-scopes.ts";

export interface TaskRoutePorts extends AnswerPorts {
  readonly gateway: Gateway;
  readonly tasks: TaskRunner;
  readonly batches: Pick<BatchLedger, "results">;
  readonly batchFiles: BatchFiles;
  readonly store: MediaStore;
  readonly webhooks: Pick<Webhooks, "checkUrl">;
  readonly idempotency: Idempotency;
  readonly bodyLimitBytes: number;
}

/** What Bun's server does for a running request. */
type RequestServer = AddressSource & { timeout(request: Request, seconds: number): void };

const PATH = "/v1/tasks";
const LISTED = { usual: 20, most: 100 };

/** `/v1/tasks`: work that is asked for now and fetched later. */
export function taskRoutes(ports: TaskRoutePorts) {
  const answer = createAnswer(ports);
  const callerOf = (request: Request, server: AddressSource | null): Promise<Caller> =>
    callerWithAny(ports.gateway, credentialOf(request, server));
  const found = async (request: Request, server: AddressSource | null, id: string): Promise<Task> => {
    const { tenant } = await callerOf(request, server);
    const task = await ports.tasks.find(tenant, idOf(id));
    if (task === undefined) throw unknownTask();
    return task;
  };
  const shown = async (request: Request, task: Task): Promise<Response> =>
    Response.json(await taskObject(ports.store, task, originOf(request)));
  return new Elysia({ name: "tasks" })
    .post(
      PATH,
      ({ request, server }) =>
        answer(request, PATH, async (id) =>
          create(ports, request, server, await callerOf(request, server), id),
        ),
      { parse: "none" },
    )
    .get(PATH, ({ request, server }) =>
      answer(request, PATH, async () => list(ports, request, await callerOf(request, server))),
    )
    .get(`${PATH}/:id`, ({ request, server, params }) =>
      answer(request, `${PATH}/{id}`, async () => shown(request, await found(request, server, params.id))),
    )
    .post(`${PATH}/:id/cancel`, ({ request, server, params }) =>
      answer(request, `${PATH}/{id}/cancel`, async (id) => {
        const { tenant } = await callerOf(request, server);
        return runOnce(ports.idempotency, request, { tenant, id, print: "" }, async () => {
          const task = await ports.tasks.cancel(tenant, idOf(params.id));
          if (task === undefined) throw unknownTask();
          return shown(request, task);
        });
      }),
    )
    .get(`${PATH}/:id/output`, ({ request, server, params }) =>
      answer(request, `${PATH}/{id}/output`, async () => {
        const { id, operation } = await found(request, server, params.id);
        if (operation !== "batch") throw unknownTask();
        return new Response(batchOutput(ports.batches, id), {
          headers: { "content-type": "application/jsonl", "x-sluice-task": id },
        });
      }),
    )
    .get(`${PATH}/:id/events`, ({ request, server, params }) =>
      answer(request, `${PATH}/{id}/events`, async () =>
        events(ports, request, server, await found(request, server, params.id)),
      ),
    );
}

const originOf = (request: Request): string => new URL(request.url).origin;
const idOf = (text: string): TaskId => taskId(pathPart(text) ?? "");

async function create(
  ports: TaskRoutePorts,
  request: Request,
  server: AddressSource | null,
  caller: Caller,
  id: RequestId,
): Promise<Response> {
  const bytes = await readBody(request, ports.bodyLimitBytes);
  const body = isJsonLines(request.headers.get("content-type") ?? "")
    ? parseTaskLines(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"))
    : parseTask(parseJson(bytes));
  const require = (scopes: ReadonlySet<Scope>) =>
    requireAll(ports.gateway, credentialOf(request, server), scopes);
  if ("request" in body) await require(new Set(["images"]));
  if ("lines" in body) await require(scopesOfPaths(body.lines.map(({ url }) => url)));
  if (body.webhook !== undefined) ports.webhooks.checkUrl(body.webhook.url, "webhook");
  const run = async (same: { readonly id?: TaskId }): Promise<Response> => {
    const base = originOf(request);
    const { task, limit, tokenLimit } = await accepted({ ...same, path: PATH, base });
    const headers: Record<string, string> = { location: `${PATH}/${task.id}`, "x-sluice-task": task.id };
    for (const state of [limit, tokenLimit])
      if (state !== undefined) Object.assign(headers, rateLimitHeaders(state));
    return Response.json(await taskObject(ports.store, task, base), { status: 201, headers });
  };
  const accepted = async (
    about: Pick<BatchWish, "id" | "path" | "base">,
  ): Promise<Omit<AcceptedTask, "ended">> => {
    if ("request" in body) return ports.tasks.accept(caller, { ...body, ...about, isAwaited: false }, id);
    if ("lines" in body) {
      return { ...NO_LIMITS, task: await ports.tasks.acceptBatch(caller, { ...body, ...about }, id) };
    }
    const { file, ...told } = body;
    return ports.batchFiles.open(caller.tenant, file, async ({ urls, lines }) => {
      await require(scopesOfPaths(urls));
      const wish = { ...told, ...about, about: { input_file_id: file.id }, lines: lines() };
      return { ...NO_LIMITS, task: await ports.tasks.acceptBatch(caller, wish, id) };
    });
  };
  const { tenant } = caller;
  return runOnce(ports.idempotency, request, { tenant, id, print: bytes }, (named) =>
    run(named === undefined ? {} : { id: sameTaskId(tenant, named.key, named.fingerprint) }),
  );
}

const NO_LIMITS = { limit: undefined, tokenLimit: undefined };

async function list(ports: TaskRoutePorts, request: Request, { tenant }: Caller): Promise<Response> {
  const { limit, after, query } = wantedPage(request.url, LISTED);
  const named = query.get("state") ?? query.get("status");
  const state = TASK_STATES.find((known) => known === named);
  if (named !== null && state === undefined)
    throw invalid("state", `must be one of ${TASK_STATES.join(", ")}`);
  const which = {
    most: limit + 1,
    ...(after === undefined ? {} : { after: taskId(after) }),
    ...(state === undefined ? {} : { state }),
  };
  const base = originOf(request);
  return listPage(await ports.tasks.list(tenant, which), limit, (page) =>
    Promise.all(page.map((task) => taskObject(ports.store, task, base))),
  );
}

async function events(
  ports: TaskRoutePorts,
  request: Request,
  server: RequestServer | null,
  task: Task,
): Promise<Response> {
  const after = afterOf(request);
  const last = await ports.tasks.lastEvent(task.id);
  // Whoever waited for an event that never comes would wait for ever.
  if (after > last) throw invalid("Last-Event-ID", "is higher than that of the last event");
  server?.timeout(request, 0);
  const reader = ports.tasks.feed.read(task.id, after);
  const base = originOf(request);
  const whole = async () =>
    taskObject(ports.store, (await ports.tasks.find(task.tenant, task.id)) ?? task, base);
  // Whoever has read the last event, and comes again, would wait for ever.
  if (hasEnded(task.state) && last <= after) {
    reader.close();
    return new Response("", { headers: EVENT_HEADERS });
  }
  return new Response(taskEvents(reader, whole), { headers: { ...EVENT_HEADERS, "x-sluice-task": task.id } });
}

const EVENT_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
  "x-accel-buffering": "no",
};

/** An EventSource that reconnects sends the header and the URL it first had: the header is the newer. */
function afterOf(request: Request): number {
  const header = request.headers.get("last-event-id");
  const text = header ?? new URL(request.url).searchParams.get("after") ?? "0";
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const param = header === null ? "after" : "Last-Event-ID";
  throw new SluiceError("invalid_request", `Invalid '${param}': must be the number of an event.`, { param });
}
