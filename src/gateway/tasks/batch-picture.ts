import { type Clock, sleep } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import type { TaskId, TenantId } from "../../core/ids.ts";
import type { MediaRequest } from "../../core/media.ts";
import { hasEnded, type Task } from "../../core/task.ts";
import type { Caller } from "../gateway.ts";
import type { TaskWish } from "./order.ts";
import type { AcceptedTask } from "./task-ports.ts";

export interface LinePicturePorts {
  readonly clock: Clock;
  find(tenant: TenantId, id: TaskId): Promise<Task | undefined>;
  accept(caller: Caller, wish: TaskWish): Promise<AcceptedTask>;
  isClosing(): boolean;
}

const PATH = "/v1/images/generations";
const LOOK_MS = 500;

/**
 * Pictures that a batch's line asks for: a task of their own under a name that is always the same for the line, so that
 * another run of the line waits for what an earlier one began.
 * @throws SluiceError when there are none
 */
export async function pictureOfLine(
  { clock, find, accept, isClosing }: LinePicturePorts,
  caller: Caller,
  request: MediaRequest,
  id: TaskId,
  base: string,
): Promise<Task> {
  let task = await find(caller.tenant, id);
  if (task === undefined) {
    const accepted = await accept(caller, { request, path: PATH, base, id, isBatch: true, isAwaited: true });
    task = (await accepted.ended)?.task ?? accepted.task;
  }
  while (!hasEnded(task.state)) {
    if (isClosing()) throw new SluiceError("overloaded", "This node is stopping.");
    await sleep(clock, LOOK_MS);
    task = (await find(caller.tenant, id)) ?? task;
  }
  if (task.state === "succeeded") return task;
  const { error } = task;
  // Its task has ended: another try would find the same end.
  throw new SluiceError(error?.code ?? "internal_error", error?.message ?? "It failed.", { status: 422 });
}
