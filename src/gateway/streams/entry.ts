import type { Operation } from "../../core/catalog.ts";
import type { FinishReason, JsonObject, NativeDialect } from "../../core/generation.ts";
import type { RequestId, StreamId, TenantId, VendorId } from "../../core/ids.ts";
import type { Final } from "../gateway.ts";

/** One numbered event of a stream. `seq` counts from 1 without a gap; exactly one `done`, the last. */
export type StreamEntry = DeltaEntry | DoneEntry | MovedEntry;

/** No event of the stream: this node has it no longer. A reader goes on after `seq` by asking anew, on any node. */
export interface MovedEntry {
  readonly type: "moved";
  readonly seq: number;
}

export interface DeltaEntry extends Delta {
  readonly type: "delta";
  readonly seq: number;
}

/** Content of one choice. Where several kinds are set, they came in the order in which they stand here. */
export interface Delta {
  readonly choice: number;
  /** True on the first delta of its choice. */
  readonly opens: boolean;
  readonly reasoning?: string;
  readonly text?: string;
  readonly refusal?: string;
  readonly toolCalls?: readonly ToolCallPiece[];
}

export interface ToolCallPiece {
  /** Position among the parallel calls of the choice. */
  readonly call: number;
  /** On the first piece of a call only. */
  readonly id?: string;
  readonly name?: string;
  readonly arguments: string;
}

export interface DoneEntry {
  readonly type: "done";
  readonly seq: number;
  readonly final: Final;
  /** The request that was charged, where another node went on with the stream; absent: the one that began it. */
  readonly receipt?: RequestId;
  readonly finishes: readonly ChoiceFinish[];
}

export interface ChoiceFinish {
  readonly choice: number;
  readonly reason: FinishReason;
  /** True when the choice ended without having had any content. */
  readonly opens: boolean;
}

/** What every reader of a stream is told before its first event. */
export interface StreamAbout {
  readonly streamId: StreamId;
  readonly requestId: RequestId;
  readonly tenant: TenantId;
  readonly operation: Operation;
  readonly vendor: VendorId;
  readonly vendorModel: string;
  /** Vendors tried, the serving one included. */
  readonly attempts: number;
  /** Seconds since the epoch. */
  readonly created: number;
  /** `stream_options.include_usage` of the request. */
  readonly includeUsage: boolean;
  /** Absent: over HTTP its readers are told it as OpenAI's chunks. */
  readonly told?: ToldAs;
}

/** Another dialect in which readers over HTTP are told a stream, on whatever node they ask. */
export interface ToldAs {
  readonly dialect: NativeDialect;
  /** What the dialect's events say beside the answer: as JSON can hold it, and small. */
  readonly about: JsonObject;
}
