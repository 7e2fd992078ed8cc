import { SluiceError } from "../../core/errors.ts";
import type { TaskId } from "../../core/ids.ts";
import type { MediaRequest } from "../../core/media.ts";
import type { Task } from "../../core/task.ts";
import type { Caller } from "../gateway.ts";
import type { TaskWish } from "./order.ts";
import { type SameTaskPorts, untilEnded } from "./same-task.ts";
import type { AcceptedTask } from "./task-ports.ts";

export interface LinePicturePorts extends SameTaskPorts {
  accept(caller: Caller, wish: TaskWish): Promise<AcceptedTask>;
}

const PATH = "/v1/images/generations";

/**
 * Pictures that a batch's line asks for: a task of their own under a name that is always the same for the line, so that
 * another run of the line waits for what an earlier one began.
 * @throws SluiceError when there are none
 */
export async function pictureOfLine(
  ports: LinePicturePorts,
  caller: Caller,
  request: MediaRequest,
  id: TaskId,
  base: string,
): Promise<Task> {
  let task = await ports.find(caller.tenant, id);
  if (task === undefined) {
    const accepted = await ports.accept(caller, {
      request,
      path: PATH,
      base,
      id,
      isBatch: true,
      isAwaited: true,
    });
    task = (await accepted.ended)?.task ?? accepted.task;
  }
  task = await untilEnded(ports, task);
  if (task.state === "succeeded") return task;
  const { error } = task;
  // Its task has ended: another try would find the same end.
  throw new SluiceError(error?.code ?? "internal_error", error?.message ?? "It failed.", { status: 422 });
}
