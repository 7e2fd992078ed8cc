import type { JsonObject } from "../../core/generation.ts";
import type { MediaId, TaskId } from "../../core/ids.ts";
import type { MediaRequest } from "../../core/media.ts";
import type { TaskDialect } from "../../core/task.ts";
import type { Caller } from "../gateway.ts";
import type { BatchRequest } from "../requests/batch.ts";

/** Everything that a node needs to do a task, whoever took it. Kept sealed, so it holds bytes only as kept media. */
export interface PictureOrder {
  readonly caller: Caller;
  readonly request: KeptRequest;
  /** As the client called it: what limits of paths go by. */
  readonly path: string;
  /** Where clients reach the gateway, for links. */
  readonly base: string;
  /** What signs the message to the client's own server; absent: the tenant's own. */
  readonly webhookSecret?: string;
  /** Charged by the price of the tier `batch`. */
  readonly isBatch?: true;
  /** In whose shape that message is; absent: Sluice's own. */
  readonly dialect?: TaskDialect;
}

/** The same of a batch: what its lines ask for is kept with them. */
export type BatchOrder = Pick<PictureOrder, "caller" | "path" | "base" | "webhookSecret" | "dialect">;

/** A request whose pictures are kept, so that any node can have them. */
export type KeptRequest = Omit<MediaRequest, "inputs" | "mask"> & {
  readonly inputs: readonly KeptInput[];
  readonly mask?: KeptInput;
};

export type KeptInput =
  | { readonly kind: "kept"; readonly media: MediaId }
  | { readonly kind: "url"; readonly url: string };

/** What is asked of the task runner. */
export interface TaskWish {
  readonly request: MediaRequest;
  readonly path: string;
  readonly base: string;
  readonly metadata?: JsonObject;
  readonly webhook?: { readonly url: string; readonly secret?: string };
  /** The client speaks a dialect of its own: what it is told, and what it is shown again. */
  readonly dialect?: TaskDialect;
  readonly about?: JsonObject;
  /** The earlier task that this one goes on from. */
  readonly parentTask?: TaskId;
  /** Where the same wish may come again (`same-task.ts`); absent: a new one is made up. */
  readonly id?: TaskId;
  /** A line of a batch: charged by the price of the tier `batch`. */
  readonly isBatch?: true;
  /** Somebody waits for it: a vendor that is busy is a refusal then, not a reason to wait. */
  readonly isAwaited: boolean;
}

/** A batch as it is asked for. */
export type BatchWish = Pick<TaskWish, "path" | "base" | "metadata" | "webhook" | "about" | "id"> & {
  readonly lines: Iterable<BatchRequest> | AsyncIterable<BatchRequest>;
};
