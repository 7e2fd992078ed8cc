import { SluiceError } from "../../core/errors.ts";
import { TASK_STATES } from "../../core/task.ts";
import type { TaskOverview, TaskOverviewSelection } from "../../ledger/task-overview.ts";
import { limitOf } from "./fields.ts";
import { type AdminOperation, type AdminRoute, route } from "./operation.ts";

export interface TaskPorts {
  tasks(which: TaskOverviewSelection): Promise<readonly TaskOverview[]>;
}

const list: AdminOperation = {
  method: "get",
  path: "/tasks",
  permission: "tasks:read",
  summary: "Tasks of all tenants, the newest first; nothing of what was asked or made",
  parameters: {
    limit: "At most this many; absent: 100.",
    state: `One of ${TASK_STATES.join(", ")}; absent: all.`,
    tenant: "Only this tenant's.",
    may_have_run: "`true`: only those that failed, though a vendor may have done and charged them.",
  },
  answers: { 200: "State, node, vendor, cost and error of each." },
};
export const TASK_OPERATIONS: readonly AdminOperation[] = [list];

export function taskRoutes(ports: TaskPorts): readonly AdminRoute[] {
  return [
    route(list, async ({ query }) => {
      const named = query.get("state");
      const state = TASK_STATES.find((known) => known === named);
      if (named !== null && state === undefined) {
        throw new SluiceError(
          "invalid_request",
          `Invalid 'state': must be one of ${TASK_STATES.join(", ")}.`,
          {
            param: "state",
          },
        );
      }
      const tenant = query.get("tenant");
      const tasks = await ports.tasks({
        most: limitOf(query),
        mayHaveRun: query.get("may_have_run") === "true",
        ...(state === undefined ? {} : { state }),
        ...(tenant === null ? {} : { tenant }),
      });
      return { object: "list", data: tasks };
    }),
  ];
}
