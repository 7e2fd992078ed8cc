import { Elysia } from "elysia";
import { SluiceError } from "../../../core/errors.ts";
import { type RequestId, type TaskId, taskId } from "../../../core/ids.ts";
import type { Task } from "../../../core/task.ts";
import type { Caller, Gateway } from "../../../gateway/gateway.ts";
import { batchPath } from "../../../gateway/requests/batch.ts";
import { asBody, invalid } from "../../../gateway/requests/fields.ts";
import type { BatchFiles } from "../../../gateway/tasks/batch-file.ts";
import type { TaskRunner } from "../../../gateway/tasks/runner.ts";
import { sameTaskId } from "../../../gateway/tasks/same-task.ts";
import type { BatchLedger, LineCounts } from "../../../ledger/batches.ts";
import type { Webhooks } from "../../../webhooks/webhooks.ts";
import { type AnswerPorts, createAnswer } from "../../answer.ts";
import { parseJson, readBody } from "../../body.ts";
import { type AddressSource, credentialOf } from "../../credential.ts";
import type { Idempotency } from "../../idempotent.ts";
import { listPage, wantedPage } from "../../list-page.ts";
import { runOnce } from "../../run-once.ts";
import { pathPart } from "../../stored-text.ts";
import { fileOf, told } from "../../tasks/task-request.ts";
import { callerWithAny, requireAll, scopesOfPaths } from "../../tasks/task-scopes.ts";
import { batchObject } from "./batch-object.ts";

export interface BatchRoutePorts extends AnswerPorts {
  readonly gateway: Gateway;
  readonly tasks: TaskRunner;
  readonly batches: Pick<BatchLedger, "counts">;
  readonly batchFiles: BatchFiles;
  readonly webhooks: Pick<Webhooks, "checkUrl">;
  readonly idempotency: Idempotency;
  readonly bodyLimitBytes: number;
}

const PATH = "/v1/batches";
const LISTED = { usual: 20, most: 100 };
/** OpenAI knows no other. A batch here ends when its lines are done, which may be sooner or later. */
const WINDOW = "24h";

/** `/v1/batches`: the tasks that are batches, in OpenAI's words. */
export function batchRoutes(ports: BatchRoutePorts) {
  const { gateway, tasks, batches, idempotency } = ports;
  const answer = createAnswer(ports);
  const callerOf = (request: Request, server: AddressSource | null): Promise<Caller> =>
    callerWithAny(gateway, credentialOf(request, server));
  const found = async ({ tenant }: Caller, id: string): Promise<Task> => {
    const task = await tasks.find(tenant, taskId(pathPart(id) ?? ""));
    if (task?.operation !== "batch") throw unknownBatch();
    return task;
  };
  const objectsOf = async (shown: readonly Task[]) => {
    const counts = await batches.counts(shown.map(({ id }) => id));
    return shown.map((task) => batchObject(task, counts.get(task.id) ?? NO_LINES));
  };
  const told = async (task: Task): Promise<Response> =>
    Response.json((await objectsOf([task]))[0], { headers: { "x-sluice-task": task.id } });
  return new Elysia({ name: "openai batches" })
    .post(
      PATH,
      ({ request, server }) =>
        answer(request, PATH, async (id) => {
          const caller = await callerOf(request, server);
          const bytes = await readBody(request, ports.bodyLimitBytes);
          const { tenant } = caller;
          return runOnce(idempotency, request, { tenant, id, print: bytes }, async (named) => {
            const same = named && sameTaskId(tenant, named.key, named.fingerprint);
            return told(await create(ports, request, server, { caller, id, bytes, same }));
          });
        }),
      { parse: "none" },
    )
    .get(PATH, ({ request, server }) =>
      answer(request, PATH, async () => {
        const { tenant } = await callerOf(request, server);
        const { limit, after } = wantedPage(request.url, LISTED);
        const which = { most: limit + 1, operation: "batch" } as const;
        const listed = await tasks.list(tenant, {
          ...which,
          ...(after === undefined ? {} : { after: taskId(after) }),
        });
        return listPage(listed, limit, objectsOf);
      }),
    )
    .get(`${PATH}/:id`, ({ request, server, params }) =>
      answer(request, `${PATH}/{id}`, async () =>
        told(await found(await callerOf(request, server), params.id)),
      ),
    )
    .post(`${PATH}/:id/cancel`, ({ request, server, params }) =>
      answer(request, `${PATH}/{id}/cancel`, async (id) => {
        const caller = await callerOf(request, server);
        const { tenant } = caller;
        return runOnce(idempotency, request, { tenant, id, print: "" }, async () => {
          const task = await found(caller, params.id);
          return told((await tasks.cancel(tenant, task.id)) ?? task);
        });
      }),
    );
}

interface Asked {
  readonly caller: Caller;
  readonly id: RequestId;
  readonly bytes: Uint8Array;
  readonly same: TaskId | undefined;
}

function create(
  { gateway, tasks, batchFiles, webhooks }: BatchRoutePorts,
  request: Request,
  server: AddressSource | null,
  { caller, id, bytes, same }: Asked,
): Promise<Task> {
  const body = asBody(parseJson(bytes));
  const param = "input_file_id";
  const file = fileOf(body[param], param);
  const endpoint = batchPath(body.endpoint);
  if (body.completion_window !== WINDOW) throw invalid("completion_window", `must be '${WINDOW}'`);
  const about = { endpoint, [param]: file, completion_window: WINDOW };
  const telling = told(body);
  if (telling.webhook !== undefined) webhooks.checkUrl(telling.webhook.url, "webhook");
  return batchFiles.open(caller.tenant, { id: file, endpoint, param }, async ({ urls, lines }) => {
    await requireAll(gateway, credentialOf(request, server), scopesOfPaths(urls));
    const base = new URL(request.url).origin;
    const wish = { ...telling, about, path: PATH, base, lines: lines() };
    return tasks.acceptBatch(caller, { ...wish, ...(same === undefined ? {} : { id: same }) }, id);
  });
}

const NO_LINES: LineCounts = { total: 0, completed: 0, failed: 0 };

const unknownBatch = (): SluiceError =>
  new SluiceError("not_found", "There is no such batch of yours.", { param: "id" });
