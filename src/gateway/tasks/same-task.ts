import { type Clock, sleep } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import { type TaskId, type TenantId, taskId } from "../../core/ids.ts";
import { hasEnded, type Task } from "../../core/task.ts";

export interface SameTaskPorts {
  readonly clock: Clock;
  find(tenant: TenantId, id: TaskId): Promise<Task | undefined>;
  isClosing(): boolean;
}

/** As long as idempotency keys are kept. */
const SAME_FOR_MS = 86_400_000;
const LOOK_MS = 500;

/**
 * The task that a request with an idempotency key is. Whoever comes with the key once more, on whichever node, means this
 * one, though the node that took it is gone and the key is free again.
 */
export function sameTaskId(tenant: TenantId, key: string, fingerprint: string): TaskId {
  const hash = new Bun.CryptoHasher("sha256").update(`${tenant}\n${key}\n${fingerprint}`).digest("hex");
  return taskId(`task_${hash.slice(0, 40)}`);
}

/** Whether a task stands for a request that comes again: one that failed charged nothing, and is tried anew. */
const isSame = ({ state, createdAt }: Task, now: number): boolean =>
  state !== "failed" && state !== "cancelled" && now - createdAt < SAME_FOR_MS;

/** The task that was taken under a wish's name before. One that failed keeps its name: the wish gets another. */
export async function namedWish<Wish extends { readonly id?: TaskId }>(
  { find, clock }: SameTaskPorts,
  tenant: TenantId,
  wish: Wish,
): Promise<{ readonly same?: Task; readonly named: Omit<Wish, "id"> & { readonly id?: TaskId } }> {
  const known = wish.id === undefined ? undefined : await find(tenant, wish.id);
  if (known === undefined) return { named: wish };
  const { id: _, ...named } = wish;
  return isSame(known, clock.now()) ? { same: known, named } : { named };
}

/** The task when it has ended, wherever it runs. @throws SluiceError `overloaded` when this node stops before */
export async function untilEnded({ clock, find, isClosing }: SameTaskPorts, task: Task): Promise<Task> {
  let seen = task;
  while (!hasEnded(seen.state)) {
    if (isClosing()) throw new SluiceError("overloaded", "This node is stopping.", { retryAfterMs: 1_000 });
    await sleep(clock, LOOK_MS);
    seen = (await find(task.tenant, task.id)) ?? seen;
  }
  return seen;
}
