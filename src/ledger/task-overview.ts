import { formatPoints, micropointsOf } from "../core/points.ts";
import type { TaskState } from "../core/task.ts";
import type { Sql } from "./database.ts";

/** A task as an operator sees it: nothing of what was asked for or made. */
export interface TaskOverview {
  readonly id: string;
  readonly object: "task";
  readonly tenant: string;
  readonly type: string;
  readonly model: string;
  readonly status: TaskState;
  readonly node: string;
  /** How often it was begun, on this node or another. */
  readonly runs: number;
  readonly vendor: string | null;
  readonly progress: number | null;
  readonly cost: string | null;
  readonly error_code: string | null;
  readonly may_have_run: boolean;
  readonly receipt: string;
  readonly created_at: string;
  readonly ended_at: string | null;
}

export interface TaskOverviewSelection {
  readonly most: number;
  readonly mayHaveRun: boolean;
  readonly state?: TaskState;
  readonly tenant?: string;
}

interface Row {
  readonly id: string;
  readonly tenant: string;
  readonly operation: string;
  readonly model: string;
  readonly state: TaskState;
  readonly node: string;
  readonly run: number;
  readonly vendor: string | null;
  readonly progress: number | null;
  readonly cost: bigint | null;
  readonly error_code: string | null;
  readonly may_have_run: boolean;
  readonly charge: string;
  readonly created_at: Date;
  readonly ended_at: Date | null;
}

/** Tasks of all tenants for operators, newest first; what was asked and answered stays sealed. */
export async function taskOverview(
  sql: Sql,
  { most, mayHaveRun, state, tenant }: TaskOverviewSelection,
): Promise<readonly TaskOverview[]> {
  const rows = await sql<Row[]>`
    select id, tenant, operation, model, state, node, run, vendor, progress, cost, error->>'code' as error_code,
           coalesce((error->>'mayHaveRun')::boolean, false) as may_have_run, charge, created_at, ended_at
    from task
    where (${state ?? null}::text is null or state = ${state ?? null})
      and (${tenant ?? null}::text is null or tenant = ${tenant ?? null})
      and (not ${mayHaveRun} or (error->>'mayHaveRun')::boolean)
    order by created_at desc limit ${most}`;
  return rows.map((row) => ({
    id: row.id,
    object: "task",
    tenant: row.tenant,
    type: row.operation,
    model: row.model,
    status: row.state,
    node: row.node,
    runs: row.run,
    vendor: row.vendor,
    progress: row.progress,
    cost: row.cost === null ? null : formatPoints(micropointsOf(row.cost)),
    error_code: row.error_code,
    may_have_run: row.may_have_run,
    receipt: row.charge,
    created_at: row.created_at.toISOString(),
    ended_at: row.ended_at?.toISOString() ?? null,
  }));
}
