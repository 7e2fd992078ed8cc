import { packPayload, unpackPayload } from "../../../bus/payload.ts";
import type { ErrorCode, ErrorDetail } from "../../../core/errors.ts";
import { SluiceError } from "../../../core/errors.ts";
import type { GenerationRequest } from "../../../core/generation.ts";
import type { NodeId, RequestId, StreamId } from "../../../core/ids.ts";
import type { TakeoverPolicy } from "../../../core/takeover-policy.ts";
import type { Seal } from "../../../ledger/sealed.ts";
import type { Caller, Final } from "../../gateway.ts";
import type { DoneEntry, StreamAbout } from "../entry.ts";
import type { Records } from "../records.ts";

/** One message of a stream's copy. Whoever wrote the last one has the stream. */
export interface CopyMessage {
  readonly home: NodeId;
  /** Of a node that goes on with it: the request under which it is charged there. */
  readonly run?: RequestId;
  /** In the first message only. */
  readonly head?: CopyHead;
  readonly records?: Records;
  readonly done?: DoneEntry;
  /** Its home has stopped there: whoever is asked for the stream goes on with it. */
  readonly isReleased?: true;
}

export interface CopyHead {
  readonly about: StreamAbout;
  readonly detachMs: number;
  /** What was asked, by whom. Absent where it is too large to be copied: nobody can go on with the stream then. */
  readonly origin?: StreamOrigin;
}

/** What another node needs to go on with a generation. */
export interface StreamOrigin {
  readonly caller: Caller;
  readonly request: GenerationRequest;
  /** As the client called it. */
  readonly path?: string;
  readonly takeover?: TakeoverPolicy;
}

export const copySubject = (id: StreamId): string => `streams.${id}`;
export const COPY_SUBJECTS = "streams.*";

/** Sealed: prompts and answers lie nowhere in the clear. It opens for this stream alone. */
export function sealCopyMessage(seal: Seal, id: StreamId, message: CopyMessage): Uint8Array {
  const { done, ...rest } = message;
  const document = { ...rest, ...(done === undefined ? {} : { done: doneDocument(done) }) };
  return seal.sealBytes(packPayload(document), contextOf(id));
}

/** @throws Error when it was written under another master secret */
export function openCopyMessage(seal: Seal, id: StreamId, bytes: Uint8Array): CopyMessage {
  // Written by `sealCopyMessage` on a node of this cluster: the seal vouches for it.
  const { done, records, ...rest } = unpackPayload(seal.openBytes(bytes, contextOf(id))) as CopyDocument;
  return {
    ...rest,
    ...(records === undefined ? {} : { records: recordsOf(records) }),
    ...(done === undefined ? {} : { done: doneOf(done) }),
  };
}

const contextOf = (id: StreamId): string => `stream ${id}`;

type CopyDocument = Omit<CopyMessage, "done"> & { readonly done?: DoneDocument };

/** The end of a stream as a message can carry it: an error's class is lost on the way. */
export type DoneDocument = Omit<DoneEntry, "final"> & {
  readonly final: Omit<Final, "error"> & { readonly error?: ErrorDocument };
};

export interface ErrorDocument {
  readonly code: ErrorCode;
  readonly message: string;
  readonly detail: ErrorDetail;
}

/** The end of a stream for a message; `doneOf` reads it. */
export function doneDocument({ final, ...rest }: DoneEntry): DoneDocument {
  const { error, ...ending } = final;
  return { ...rest, final: { ...ending, ...(error === undefined ? {} : { error: errorDocument(error) }) } };
}

/** What `doneDocument` wrote, with an error that is one again. */
export function doneOf({ final, ...rest }: DoneDocument): DoneEntry {
  const { error, ...ending } = final;
  return { ...rest, final: { ...ending, ...(error === undefined ? {} : { error: errorOf(error) }) } };
}

/** Without its cause, which may hold anything. */
export function errorDocument({ code, message, detail }: SluiceError): ErrorDocument {
  const { cause: _, ...told } = detail;
  return { code, message, detail: told };
}

export const errorOf = ({ code, message, detail }: ErrorDocument): SluiceError =>
  new SluiceError(code, message, detail);

/** Bytes come out of a message as whatever view its codec makes. */
export function recordsOf({ first, last, bytes }: Records): Records {
  return { first, last, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}
