import type { AnyElysia } from "elysia";
import type { MediaTransport } from "../adapters/media-adapter.ts";
import type { Config } from "../config/config.ts";
import { abortSignalOf } from "../core/call-signal.ts";
import { systemClock as clock } from "../core/clock.ts";
import { type TaskId, vendorId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import { systemRandom as random } from "../core/random.ts";
import { createBatchFiles } from "../gateway/tasks/batch-file.ts";
import { TaskRunner } from "../gateway/tasks/runner.ts";
import { errorBody } from "../http/errors.ts";
import { createHookAddresses, type HookRoutePorts, hookRoutes } from "../http/hooks/routes.ts";
import type { Idempotency } from "../http/idempotent.ts";
import type { Metrics } from "../http/metrics.ts";
import { midjourneyRoutes } from "../http/midjourney/routes.ts";
import { midjourneyTask } from "../http/midjourney/task-object.ts";
import { batchRoutes } from "../http/openai/batches/batch-routes.ts";
import { fileRoutes } from "../http/openai/batches/file-routes.ts";
import { imageAnswer } from "../http/openai/images/image-answer.ts";
import { imageRoutes } from "../http/openai/images/routes.ts";
import { taskRoutes } from "../http/tasks/routes.ts";
import { taskObject } from "../http/tasks/task-object.ts";
import { createBatchLedger } from "../ledger/batches.ts";
import { createSeal } from "../ledger/sealed.ts";
import { createTaskLedger } from "../ledger/tasks.ts";
import type { ClusterParts } from "./cluster-parts.ts";
import { derivedKey, type LedgerParts } from "./ledger-parts.ts";
import type { MediaParts } from "./media-parts.ts";
import type { RequestParts } from "./request-parts.ts";

/** Work that outlives its request: the runner, and where it is asked for. */
export interface TaskParts {
  readonly runner: TaskRunner;
  routes(idempotency: Idempotency, metrics: Metrics, config: Config, log: Log): readonly AnyElysia[];
}

const SUBJECTS = { told: "tasks.told", cancel: "tasks.cancel", news: "tasks.news" } as const;

/**
 * Pictures come whole; what a vendor sends elsewhere is not followed. A submission has a connection of its own: on a used one
 * that the vendor is just closing it would be lost, and what is lost is never sent again.
 */
const mediaNetwork: MediaTransport = ({ method, url, headers, body }, signal) =>
  fetch(url, {
    ...{ method, headers, signal: abortSignalOf(signal), redirect: "manual", keepalive: method === "GET" },
    ...(body === undefined ? {} : { body }),
  });

export function openTasks(
  { node, sql, masterSecret }: LedgerParts,
  { placement, bus }: ClusterParts,
  requests: RequestParts,
  { store, uploads, webhooks }: MediaParts,
  { publicUrl }: Config,
  log: Log,
): TaskParts {
  const addresses = createHookAddresses(derivedKey(masterSecret, "vendor hooks"));
  const seal = createSeal(derivedKey(masterSecret, "tasks"), random);
  const ledger = createTaskLedger(sql, node, seal);
  const batches = createBatchLedger(sql, seal);
  const batchFiles = createBatchFiles(store, clock);
  const { gateway, overload } = requests;
  const tasks = new TaskRunner({
    ...requests.generating,
    ledger,
    batches,
    gateway,
    errorBody,
    pictureBody: (task, request, base) => imageAnswer({ store, base, form: "url" }, task, request),
    store,
    webhooks,
    mediaNetwork,
    log,
    ...(publicUrl === undefined ? {} : { hookUrlOf: (vendor) => publicUrl + addresses.pathFor(vendor) }),
    elsewhere: {
      told: (id) => bus.publish(SUBJECTS.told, id),
      cancel: (id) => bus.publish(SUBJECTS.cancel, id),
      news: (vendor, jobId) => bus.publish(SUBJECTS.news, { vendor, jobId }),
    },
    owns: (shard) => placement.owns(shard),
    isBusy: () => overload.state.refusing.includes("test"),
    refusal: (tier) => overload.refusal(tier),
    shown: (task, base, dialect) =>
      (dialect === "midjourney" ? midjourneyTask : taskObject)(store, task, base),
  });
  // Only nodes write on these subjects.
  bus.subscribe(SUBJECTS.told, (id) => tasks.feed.told(id as TaskId));
  bus.subscribe(SUBJECTS.cancel, (id) => tasks.cancelHere(id as TaskId));
  bus.subscribe(SUBJECTS.news, (told) => {
    const { vendor, jobId } = told as { readonly vendor: string; readonly jobId: string };
    tasks.hearHere(vendor, jobId);
  });
  const { routes: currentRoutes } = requests.generating;
  const vendor = (id: string) => currentRoutes().catalog.vendors.get(vendorId(id));
  const readHook: HookRoutePorts["read"] = ({ id, hookSecret }, headers, body) => {
    const served = [...currentRoutes().models.values()].flat().find((route) => route.vendor.id === id);
    return served?.media?.adapter.hook?.read({ headers, body, secret: hookSecret });
  };
  return {
    runner: tasks,
    routes(idempotency, metrics, { bodyLimitBytes }, routesLog) {
      const answering = { log: routesLog, random, countRequest: metrics.countRequest };
      const ports = {
        ...answering,
        gateway,
        tasks,
        batches,
        batchFiles,
        store,
        uploads,
        webhooks,
        idempotency,
        clock,
        bodyLimitBytes,
      };
      return [
        taskRoutes(ports),
        batchRoutes(ports),
        fileRoutes(ports),
        imageRoutes(ports),
        midjourneyRoutes(ports),
        hookRoutes({ ...ports, addresses, vendor, read: readHook }),
      ];
    },
  };
}
