import type { NodeId, StreamId, TenantId } from "../../../core/ids.ts";
import {
  type DoneDocument,
  doneDocument,
  doneOf,
  type ErrorDocument,
  errorDocument,
  recordsOf,
} from "../copy/message.ts";
import type { StreamAbout } from "../entry.ts";
import type { Served } from "../reader.ts";
import type { Records } from "../records.ts";

/** What nodes ask each other about streams, by the name of the question. */
export const QUESTION = {
  /** What comes next. */
  read: "stream.read",
  /** A reader is gone. */
  leave: "stream.leave",
  cancel: "stream.cancel",
  /** Who has it, for a stream without a copy. */
  find: "stream.find",
} as const;

/** Who may ask for what: another tenant's stream is not found, here as there. */
export interface StreamQuestion {
  readonly stream: StreamId;
  readonly tenant: TenantId;
}

export interface ReadQuestion extends StreamQuestion {
  /** Of the asking reader, for as long as it reads. */
  readonly reader: string;
  /** The last event it has. */
  readonly after: number;
  /** The most that it takes; 0: it only says that it is still there. */
  readonly bytes: number;
  /** How long an answer may wait for something new. */
  readonly waitMs: number;
}

export type ReadAnswer =
  | {
      readonly kind: "served";
      readonly records?: Records;
      readonly done?: DoneDocument;
      /** Bytes behind the records. */
      readonly backlog: number;
    }
  /** It goes on elsewhere. */
  | { readonly kind: "moved" }
  | { readonly kind: "unknown" }
  | { readonly kind: "refused"; readonly error: ErrorDocument };

/** Undefined: not cancelled here, the stream is unknown. */
export interface CancelAnswer {
  readonly cancelled?: boolean;
}

export interface FindAnswer {
  readonly home?: NodeId;
  readonly about?: StreamAbout;
}

/** What a reader elsewhere is answered; that the stream has moved only once there is nothing more to read here. */
export function readAnswer({ records, done, isMoved, backlog }: Served): ReadAnswer {
  if (isMoved && records === undefined && backlog === 0) return { kind: "moved" };
  return {
    kind: "served",
    backlog,
    ...(records === undefined ? {} : { records }),
    ...(done === undefined ? {} : { done: doneDocument(done) }),
  };
}

/** What the other node answered, as it was before it was packed. */
export function servedOf(answer: ReadAnswer & { readonly kind: "served" }): Served {
  const { records, done, backlog } = answer;
  return {
    records: records === undefined ? undefined : recordsOf(records),
    done: done === undefined ? undefined : doneOf(done),
    isMoved: false,
    backlog,
  };
}

export const refusalAnswer = (...parameters: Parameters<typeof errorDocument>): ReadAnswer => ({
  kind: "refused",
  error: errorDocument(...parameters),
});
