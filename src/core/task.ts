import type { Operation } from "./catalog.ts";
import type { ErrorCode } from "./errors.ts";
import type { JsonObject } from "./generation.ts";
import type { KeyId, MediaId, RequestId, TaskId, TenantId, VendorId } from "./ids.ts";
import type { Micropoints } from "./points.ts";
import type { Usage } from "./usage.ts";

/**
 * Where a task stands. `submitting`: a vendor is being asked; what it made of that is not known yet. `running`: a vendor
 * has it. `storing`: it is made, and copied. The last three are its ends.
 */
export const TASK_STATES = [
  "queued",
  "submitting",
  "running",
  "storing",
  "succeeded",
  "failed",
  "cancelled",
] as const;
export type TaskState = (typeof TASK_STATES)[number];

const TASK_ENDS = ["succeeded", "failed", "cancelled"] as const satisfies readonly TaskState[];
export type TaskEndState = (typeof TASK_ENDS)[number];

export const hasEnded = (state: TaskState): state is TaskEndState => TASK_ENDS.some((end) => end === state);

/** What is done: one kind of picture, or many requests of any kind. */
export type TaskKind = Operation | "batch";

/** A task as its tenant may see it. Times are epoch milliseconds. */
export interface Task {
  readonly id: TaskId;
  readonly tenant: TenantId;
  readonly key: KeyId;
  readonly operation: TaskKind;
  readonly model: string;
  readonly state: TaskState;
  /** 0 to 1; undefined: nobody says. */
  readonly progress: number | undefined;
  readonly vendor: VendorId | undefined;
  readonly vendorModel: string | undefined;
  /** The request under which it is charged: its receipt. */
  readonly charge: RequestId;
  readonly isCancelWanted: boolean;
  readonly metadata: JsonObject | undefined;
  /** What a client's dialect shows again of what was asked for. */
  readonly about: JsonObject | undefined;
  readonly webhook: string | undefined;
  readonly error: TaskError | undefined;
  readonly result: TaskResult | undefined;
  readonly usage: Usage | undefined;
  readonly cost: Micropoints | undefined;
  readonly createdAt: number;
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
  readonly expiresAt: number | undefined;
}

/** Dialects whose messages about a task are not Sluice's own. */
export type TaskDialect = "midjourney";

export interface TaskError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly param?: string;
  /** The vendor may have done it and charged for it all the same. The client is not charged. */
  readonly mayHaveRun?: boolean;
}

export interface TaskResult {
  readonly pictures: readonly TaskPicture[];
  /** Of a batch: its lines, and how many ended well or not. */
  readonly lines?: { readonly total: number; readonly completed: number; readonly failed: number };
  /** What some dialects show besides: the prompt as the vendor rewrote it, seeds, buttons. */
  readonly extra?: JsonObject;
  /** Fields of the request that the vendor could not take. */
  readonly dropped?: readonly string[];
  /** The vendor's own name of the job, for what goes on from it. */
  readonly jobId?: string;
}

export type TaskPicture =
  | {
      readonly kind: "kept";
      readonly media: MediaId;
      readonly contentType: string;
      readonly width: number | null;
      readonly height: number | null;
    }
  | { readonly kind: "refused"; readonly code: string; readonly message: string };
