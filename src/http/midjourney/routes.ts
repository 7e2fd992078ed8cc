import { Elysia } from "elysia";
import { SluiceError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/generation.ts";
import { type RequestId, type TaskId, taskId } from "../../core/ids.ts";
import { hasEnded, type Task } from "../../core/task.ts";
import type { Caller } from "../../gateway/gateway.ts";
import { asBody, invalid } from "../../gateway/requests/fields.ts";
import { createAnswer } from "../answer.ts";
import { parseJson, readBody } from "../body.ts";
import { type AddressSource, credentialOf } from "../credential.ts";
import { runOnce } from "../run-once.ts";
import { pathPart } from "../stored-text.ts";
import { CODES } from "./errors.ts";
import { imageSeed } from "./image-seed.ts";
import { MODES, type Mode } from "./is-midjourney.ts";
import { SUBMISSIONS, SWAP } from "./submission.ts";
import { type MidjourneyPorts, submit } from "./submit.ts";
import { midjourneyTask } from "./task-object.ts";
import { uploadImages } from "./upload-images.ts";

/** Of one question about several tasks. */
const MOST_IDS = 100;
const MOST_LISTED = 100;

interface Called {
  readonly request: Request;
  readonly server: AddressSource | null;
  readonly params: { readonly id: string };
}

/**
 * `/mj/*`: midjourney-proxy's protocol, for every model that makes pictures. Each submission is a task that outlives its
 * connection and its node, charged once when it succeeds. `/mj-fast/mj/*` and the like ask for a speed.
 */
export function midjourneyRoutes(ports: MidjourneyPorts) {
  const answer = createAnswer(ports);
  const app = new Elysia({ name: "midjourney" });
  const callerOf = async (request: Request, server: AddressSource | null): Promise<Caller> =>
    ports.gateway.authenticate(credentialOf(request, server), "images");
  const roots: readonly (readonly [string, Mode | undefined])[] = [
    ["/mj", undefined],
    ...MODES.map((mode) => [`/mj-${mode}/mj`, mode] as const),
  ];
  for (const [root, mode] of roots) {
    const post = (
      path: string,
      run: (called: Called, caller: Caller, id: RequestId) => Promise<Response>,
    ): void => {
      app.post(
        root + path,
        ({ request, server, params }) =>
          answer(request, root + shown(path), async (id) =>
            run({ request, server, params: params as Called["params"] }, await callerOf(request, server), id),
          ),
        { parse: "none" },
      );
    };
    const get = (
      path: string,
      run: (called: Called, caller: Caller, id: RequestId) => Promise<Response>,
    ): void => {
      app.get(root + path, ({ request, server, params }) =>
        answer(request, root + shown(path), async (id) =>
          run({ request, server, params: params as Called["params"] }, await callerOf(request, server), id),
        ),
      );
    };
    for (const name of SUBMISSIONS) {
      post(`/submit/${name}`, ({ request }, caller, id) => submit(ports, name, mode, request, caller, id));
    }
    post(`/${SWAP}`, ({ request }, caller, id) => submit(ports, SWAP, mode, request, caller, id));
    post("/submit/upload-discord-images", ({ request }, caller, id) =>
      uploadImages(ports, request, caller, id),
    );
    get("/task/:id/fetch", async ({ request, params }, { tenant }) => {
      const task = await ports.tasks.find(tenant, idOf(params.id));
      return Response.json(
        task === undefined ? null : await midjourneyTask(ports.store, task, originOf(request)),
      );
    });
    get("/task/:id/image-seed", ({ request, params }, caller, id) =>
      imageSeed(ports, idOf(params.id), request, caller, id),
    );
    post("/task/:id/cancel", ({ request, params }, caller, id) =>
      runOnce(ports.idempotency, request, { tenant: caller.tenant, id, print: "" }, () =>
        cancel(ports, idOf(params.id), caller),
      ),
    );
    for (const path of ["/task/list-by-condition", "/task/list-by-ids"]) {
      post(path, ({ request }, caller) => listByIds(ports, request, caller));
    }
    get("/task/list", ({ request }, caller) => list(ports, request, caller, () => true));
    get("/task/queue", ({ request }, caller) =>
      list(ports, request, caller, ({ state }) => !hasEnded(state)),
    );
  }
  return app;
}

const shown = (path: string): string => path.replace(":id", "{id}");
const originOf = (request: Request): string => new URL(request.url).origin;
const idOf = (text: string): TaskId => taskId(pathPart(text) ?? "");

async function cancel({ tasks }: MidjourneyPorts, id: TaskId, { tenant }: Caller): Promise<Response> {
  const task = await tasks.cancel(tenant, id);
  if (task === undefined) throw new SluiceError("not_found", "There is no such task.", { param: "id" });
  if (hasEnded(task.state) && task.state !== "cancelled") throw invalid("id", "the task has ended");
  return Response.json({ code: CODES.submitted, description: "Cancel success", result: id, properties: {} });
}

async function listByIds(ports: MidjourneyPorts, request: Request, { tenant }: Caller): Promise<Response> {
  const { ids } = asBody(parseJson(await readBody(request, ports.bodyLimitBytes)));
  if (!Array.isArray(ids) || ids.length > MOST_IDS)
    throw invalid("ids", `must be at most ${MOST_IDS} ids of tasks`);
  const asked = ids.flatMap((id) =>
    typeof id === "string" && pathPart(id) !== undefined ? [taskId(id)] : [],
  );
  const found = new Map((await ports.tasks.findAll(tenant, asked)).map((task) => [task.id, task]));
  return shownAll(
    ports,
    request,
    [...new Set(asked)].flatMap((id) => found.get(id) ?? []),
  );
}

async function list(
  ports: MidjourneyPorts,
  request: Request,
  { tenant }: Caller,
  isWanted: (task: Task) => boolean,
): Promise<Response> {
  const tasks = await ports.tasks.list(tenant, { most: MOST_LISTED });
  return shownAll(
    ports,
    request,
    tasks.filter((task) => task.about !== undefined && isWanted(task)),
  );
}

async function shownAll(
  { store }: MidjourneyPorts,
  request: Request,
  tasks: readonly Task[],
): Promise<Response> {
  const base = originOf(request);
  const objects: JsonObject[] = await Promise.all(tasks.map((task) => midjourneyTask(store, task, base)));
  return Response.json(objects);
}
