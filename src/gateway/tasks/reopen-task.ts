import { asSluiceError, SluiceError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/generation.ts";
import type { RequestId } from "../../core/ids.ts";
import type { Log } from "../../core/log.ts";
import { hasEnded } from "../../core/task.ts";
import type { ClaimedTask } from "../../ledger/tasks.ts";
import type { GeneratePorts } from "../generate.ts";
import type { Route } from "../routes.ts";
import { type OpenTask, openTask } from "./open-task.ts";
import type { PictureOrder } from "./order.ts";

/** Runs of one task that a passing trouble kept from being opened, a lease apart: an hour. */
export const MOST_RUNS = 240;

/**
 * What was kept of a task that an earlier run had.
 * @throws SluiceError `overloaded` where it cannot be read: a node of another version may be able to. After an hour of
 *   tries it is `internal_error`.
 */
export function keptOrder<Order>(
  { task, run, request }: ClaimedTask,
  log: Log,
  unpack: (packed: JsonObject) => Order,
): Order {
  try {
    return unpack(request);
  } catch (thrown) {
    const refusal = asSluiceError(thrown);
    log.error("a task's order cannot be read", { task: task.id, cause: String(refusal.detail.cause) });
    if (run.run >= MOST_RUNS) throw refusal;
    throw new SluiceError("overloaded", refusal.message, { cause: refusal });
  }
}

/** A task that is opened again. `refusal`: nothing new is to be begun for it, only what a vendor has may be gone on with. */
export interface ReopenedTask extends OpenTask {
  readonly refusal?: SluiceError;
}

/**
 * Opens a task that an earlier run had. What a vendor may have begun is looked after to its end though the task would be
 * refused by now (its points are in the purse of a node that is gone, its key may do less): it costs the client what there
 * is, and the platform the rest.
 * @param route where it was, as far as that is still configured
 * @throws SluiceError; `overloaded` for what passes
 */
export async function reopenTask(
  ports: GeneratePorts,
  { task, run, job }: ClaimedTask,
  order: PictureOrder,
  requestId: RequestId,
  route: Route | undefined,
): Promise<ReopenedTask> {
  const { caller, request, path } = order;
  const opening = { caller, request, requestId, path, isAgain: true } as const;
  try {
    return await openTask(ports, { ...opening, holder: job === undefined ? undefined : route });
  } catch (thrown) {
    const refusal = asSluiceError(thrown);
    const isPassing = refusal.status >= 500 || refusal.code === "rate_limit_exceeded";
    if (isPassing && run.run < MOST_RUNS) {
      throw new SluiceError("overloaded", refusal.message, { cause: refusal });
    }
    const isBegun = task.state !== "queued" && !hasEnded(task.state);
    if (!isBegun || route === undefined) throw refusal;
    return { ...(await openTask(ports, { ...opening, holder: route, mayBeShort: true })), refusal };
  }
}
