import { SluiceError } from "../../core/errors.ts";
import type { RequestId, TaskId } from "../../core/ids.ts";
import type { Caller } from "../../gateway/gateway.ts";
import { CODES } from "./errors.ts";
import { type MidjourneyPorts, parentOf } from "./submit.ts";
import { lookOf } from "./task-object.ts";

/** The seed of a task that Midjourney made: as it was told with the task, else asked for, which costs nothing. */
export async function imageSeed(
  { tasks }: MidjourneyPorts,
  id: TaskId,
  request: Request,
  caller: Caller,
  requestId: RequestId,
): Promise<Response> {
  const parent = await parentOf(tasks, caller.tenant, id);
  const known = lookOf(parent).seed;
  const seed = known ?? (await askedSeed());
  return Response.json({
    code: CODES.submitted,
    description: "Success",
    result: String(seed),
    properties: {},
  });

  async function askedSeed(): Promise<unknown> {
    const { ended } = await tasks.accept(
      caller,
      {
        request: {
          operation: "image_edit",
          model: parent.model,
          inputs: [],
          count: 1,
          options: { midjourney: { action: "IMAGE_SEED", only: true } },
        },
        parentTask: id,
        path: "/mj/task/{id}/image-seed",
        base: new URL(request.url).origin,
        isAwaited: true,
      },
      requestId,
    );
    const result = await ended;
    const found = result === undefined ? undefined : lookOf(result.task).seed;
    if (found !== undefined) return found;
    const { code = "vendor_unavailable", message = "The vendor tells no seed of it." } =
      result?.task.error ?? {};
    throw new SluiceError(code, message);
  }
}
