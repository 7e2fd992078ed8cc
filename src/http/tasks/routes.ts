import { Elysia } from "elysia";
import { SluiceError } from "../../core/errors.ts";
import { type RequestId, type TaskId, taskId } from "../../core/ids.ts";
import { hasEnded, TASK_STATES, type Task } from "../../core/task.ts";
import type { Caller, Credential, Gateway, Scope } from "../../gateway/gateway.ts";
import type { BatchPath } from "../../gateway/requests/batch.ts";
import { invalid } from "../../gateway/requests/fields.ts";
import type { TaskRunner } from "../../gateway/tasks/runner.ts";
import { sameTaskId } from "../../gateway/tasks/same-task.ts";
import type { BatchLedger } from "../../ledger/batches.ts";
import type { MediaStore } from "../../media/media.ts";
import type { Webhooks } from "../../webhooks/webhooks.ts";
import { type AnswerPorts, createAnswer } from "../answer.ts";
import { parseJson, readBody } from "../body.ts";
import { type AddressSource, credentialOf } from "../credential.ts";
import { rateLimitHeaders } from "../errors.ts";
import type { Idempotency } from "../idempotent.ts";
import { runOnce } from "../run-once.ts";
import { pathPart } from "../stored-text.ts";
import { batchOutput } from "./batch-output.ts";
import { taskEvents } from "./event-body.ts";
import { taskObject } from "./task-object.ts";
import { parseTask, parseTaskLines, type TaskBody, unknownTask } from "./task-request.ts";

export interface TaskRoutePorts extends AnswerPorts {
  readonly gateway: Gateway;
  readonly tasks: TaskRunner;
  readonly batches: Pick<BatchLedger, "results">;
  readonly store: MediaStore;
  readonly webhooks: Pick<Webhooks, "checkUrl">;
  readonly idempotency: Idempotency;
  readonly bodyLimitBytes: number;
}

/** What Bun's server does for a running request. */
type RequestServer = AddressSource & { timeout(request: Request, seconds: number): void };

const PATH = "/v1/tasks";
const MOST_LISTED = 100;
const USUALLY_LISTED = 20;

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
  const isLines = /^application\/(?:jsonl|x-ndjson|x-jsonlines)\b/i.test(
    request.headers.get("content-type") ?? "",
  );
  const body = isLines
    ? parseTaskLines(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"))
    : parseTask(parseJson(bytes));
  for (const scope of scopesOf(body)) {
    await ports.gateway.authenticate(credentialOf(request, server), scope);
  }
  if (body.webhook !== undefined) ports.webhooks.checkUrl(body.webhook.url, "webhook");
  const run = async (same: { readonly id?: TaskId }): Promise<Response> => {
    const base = originOf(request);
    const { task, limit, tokenLimit } =
      "lines" in body
        ? {
            ...NO_LIMITS,
            task: await ports.tasks.acceptBatch(caller, { ...body, ...same, path: PATH, base }, id),
          }
        : await ports.tasks.accept(caller, { ...body, ...same, path: PATH, base, isAwaited: false }, id);
    const headers: Record<string, string> = { location: `${PATH}/${task.id}`, "x-sluice-task": task.id };
    for (const state of [limit, tokenLimit])
      if (state !== undefined) Object.assign(headers, rateLimitHeaders(state));
    return Response.json(await taskObject(ports.store, task, base), { status: 201, headers });
  };
  const { tenant } = caller;
  return runOnce(ports.idempotency, request, { tenant, id, print: bytes }, (named) =>
    run(named === undefined ? {} : { id: sameTaskId(tenant, named.key, named.fingerprint) }),
  );
}

/** What can be done by a task; a key that may do any of it may look at tasks. */
const SCOPES = ["images", "chat", "completions", "embeddings"] as const satisfies readonly Scope[];

const SCOPE_OF_PATH: Readonly<Record<BatchPath, Scope>> = {
  "/v1/chat/completions": "chat",
  "/v1/completions": "completions",
  "/v1/embeddings": "embeddings",
  "/v1/images/generations": "images",
};

const scopesOf = (body: TaskBody): ReadonlySet<Scope> =>
  new Set("lines" in body ? body.lines.map(({ url }) => SCOPE_OF_PATH[url]) : ["images"]);

/** @throws SluiceError of the first scope when the key has none of them, or is none */
async function callerWithAny(gateway: Gateway, credential: Credential): Promise<Caller> {
  let refusal: unknown;
  for (const scope of SCOPES) {
    try {
      return await gateway.authenticate(credential, scope);
    } catch (thrown) {
      if (!(thrown instanceof SluiceError) || thrown.code !== "permission_denied") throw thrown;
      refusal ??= thrown;
    }
  }
  throw refusal;
}

const NO_LIMITS = { limit: undefined, tokenLimit: undefined };

async function list(ports: TaskRoutePorts, request: Request, { tenant }: Caller): Promise<Response> {
  const { searchParams } = new URL(request.url);
  const limit = Number(searchParams.get("limit") ?? USUALLY_LISTED);
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_LISTED) {
    throw invalid("limit", `must be an integer from 1 to ${MOST_LISTED}`);
  }
  const named = searchParams.get("state") ?? searchParams.get("status");
  const state = TASK_STATES.find((known) => known === named);
  if (named !== null && state === undefined)
    throw invalid("state", `must be one of ${TASK_STATES.join(", ")}`);
  const after = searchParams.get("after");
  const which = {
    most: limit + 1,
    ...(after === null ? {} : { after: taskId(after) }),
    ...(state === undefined ? {} : { state }),
  };
  const tasks = await ports.tasks.list(tenant, which);
  const page = tasks.slice(0, limit);
  const base = originOf(request);
  return Response.json({
    object: "list",
    data: await Promise.all(page.map((task) => taskObject(ports.store, task, base))),
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
    has_more: tasks.length > limit,
  });
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
