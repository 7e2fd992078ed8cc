import type { JsonObject } from "../core/generation.ts";
import { keyId, requestId, taskId, tenantId, vendorId } from "../core/ids.ts";
import { micropointsOf } from "../core/points.ts";
import type { Task, TaskError, TaskKind, TaskResult, TaskState } from "../core/task.ts";
import type { Usage } from "../core/usage.ts";

/** As the table has it. */
export interface TaskRow {
  readonly id: string;
  readonly tenant: string;
  readonly key: string;
  readonly operation: TaskKind;
  readonly model: string;
  readonly state: TaskState;
  readonly run: number;
  readonly charge: string;
  readonly request: Uint8Array | null;
  readonly vendor: string | null;
  readonly vendor_model: string | null;
  readonly vendor_key: string | null;
  readonly job: Uint8Array | null;
  readonly progress: number | null;
  readonly cancel_wanted: boolean;
  readonly shown: Uint8Array | null;
  readonly error: TaskError | null;
  readonly result: Uint8Array | null;
  readonly usage: Usage | null;
  readonly cost: bigint | null;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly ended_at: Date | null;
  readonly expires_at: Date | null;
}

/** What of a row is sealed, opened. */
export interface Opened {
  readonly result: JsonObject | undefined;
  /** As it was accepted with. */
  readonly shown: Pick<Partial<Task>, "metadata" | "about" | "webhook">;
}

export const taskOf = (row: TaskRow, { result, shown }: Opened): Task => ({
  id: taskId(row.id),
  tenant: tenantId(row.tenant),
  key: keyId(row.key),
  operation: row.operation,
  model: row.model,
  state: row.state,
  progress: row.progress ?? undefined,
  vendor: row.vendor === null ? undefined : vendorId(row.vendor),
  vendorModel: row.vendor_model ?? undefined,
  charge: requestId(row.charge),
  isCancelWanted: row.cancel_wanted,
  metadata: shown.metadata,
  about: shown.about,
  webhook: shown.webhook,
  error: row.error ?? undefined,
  result: result as TaskResult | undefined, // sealed by `createTaskLedger` as one
  usage: row.usage ?? undefined,
  cost: row.cost === null ? undefined : micropointsOf(row.cost),
  createdAt: row.created_at.getTime(),
  startedAt: row.started_at?.getTime(),
  endedAt: row.ended_at?.getTime(),
  expiresAt: row.expires_at?.getTime(),
});
