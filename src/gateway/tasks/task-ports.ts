import type { HookNews } from "../../adapters/media-adapter.ts";
import type { Tier } from "../../core/catalog.ts";
import type { LimitState, SluiceError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/generation.ts";
import type { RequestId, TaskId } from "../../core/ids.ts";
import type { MediaRequest } from "../../core/media.ts";
import type { Task, TaskDialect, TaskEndState } from "../../core/task.ts";
import type { BatchLedger } from "../../ledger/batches.ts";
import type { TaskLedger } from "../../ledger/tasks.ts";
import type { Webhooks } from "../../webhooks/webhooks.ts";
import type { Gateway } from "../gateway.ts";
import type { TaskRunPorts } from "./task-run.ts";

/** What other nodes are told; whoever has the task acts on it. All of it is also found in the ledger, later. */
export interface TaskNodes {
  /** A task has new events. */
  told(id: TaskId): void;
  cancel(id: TaskId): void;
  news(vendor: string, jobId: string): void;
}

/** What the runner does with whatever runs. */
export interface TaskWork {
  /** Whether a vendor works on it in a call that would be lost with this node. */
  readonly isSubmitting: boolean;
  /** Whether nobody would charge for it if it were cancelled now. */
  readonly isFreeToCancel: boolean;
  /** Whether it is the job that a vendor tells of. */
  isAbout(vendor: string, jobId: string): boolean;
  hear(state: HookNews["state"]): void;
  cancel(): void;
  /** The task is another node's, or is to become it. */
  letGo(): void;
}

export interface TaskPorts extends TaskRunPorts {
  readonly batches: BatchLedger;
  readonly gateway: Pick<Gateway, "generate">;
  /** What a client is answered with for pictures that a batch's line asked for. */
  pictureBody(task: Task, request: MediaRequest, base: string): Promise<JsonObject>;
  errorBody(error: SluiceError, request: RequestId): object;
  /** Absent: this node is alone. */
  readonly elsewhere?: TaskNodes;
  readonly ledger: TaskLedger;
  readonly webhooks: Pick<Webhooks, "enqueue" | "wake">;
  /** Whether this node looks after a shard. */
  owns(shard: number): boolean;
  /** The node has enough to do without what nobody waits for. */
  isBusy(): boolean;
  /** Why a new task is refused at this moment, whatever it is. */
  refusal(tier: Tier): SluiceError | undefined;
  /** A task as its tenant is shown it, with links; in the shape of a dialect. */
  shown(task: Task, base: string, dialect: TaskDialect | undefined): Promise<JsonObject>;
}

/** A task that was written down: it will come to an end, whatever becomes of this node. */
export interface AcceptedTask {
  readonly task: Task;
  readonly limit: LimitState | undefined;
  readonly tokenLimit: LimitState | undefined;
  /** Its end here, with the vendors that were tried. Undefined: it goes on elsewhere. */
  readonly ended: Promise<{ readonly task: Task; readonly attempts: number } | undefined>;
}

export type TaskStep = "accepted" | "claimed" | "let_go" | TaskEndState | "may_have_run";

/** Of a task that was just taken. */
export const BLANK = {
  state: "queued",
  progress: undefined,
  vendor: undefined,
  vendorModel: undefined,
  isCancelWanted: false,
  error: undefined,
  result: undefined,
  usage: undefined,
  cost: undefined,
  startedAt: undefined,
  endedAt: undefined,
  expiresAt: undefined,
} as const;
