import type { SubjectLog } from "../../../bus/subject-log.ts";
import type { NodeId, RequestId, StreamId } from "../../../core/ids.ts";
import type { Seal } from "../../../ledger/sealed.ts";
import type { DoneEntry } from "../entry.ts";
import { entriesIn } from "../records.ts";
import { Ring } from "../ring.ts";
import { type CopyHead, copySubject, openCopyMessage } from "./message.ts";

/** Who has a stream, as its copy tells. */
export interface CopyState {
  readonly head: CopyHead;
  readonly home: NodeId;
  readonly isEnded: boolean;
  readonly isReleased: boolean;
  /** Of the last message. */
  readonly number: number;
}

/** A stream as far as its copy has it. */
export interface CopiedStream extends CopyState {
  readonly ring: Ring;
  /** Choices that had content. */
  readonly opened: ReadonlySet<number>;
  readonly done: DoneEntry | undefined;
  /** The request of the last node that went on with it; undefined: the one that began it has it. */
  readonly run: RequestId | undefined;
  /** What came up to this entry is charged by those who handed the stream over. */
  readonly paidUpTo: number;
}

export interface CopyReaderPorts {
  readonly log: SubjectLog;
  readonly seal: Seal;
}

/** Messages of one copy: ten minutes at twenty a second, and some. */
const MOST_MESSAGES = 20_000;

/** Looks at its two ends. Undefined: there is no copy. Rejects when the log cannot be asked. */
export async function readCopyState(
  { log, seal }: CopyReaderPorts,
  id: StreamId,
): Promise<CopyState | undefined> {
  const subject = copySubject(id);
  const [first, last] = await Promise.all([log.next(subject, 0), log.last(subject)]);
  if (first === undefined || last === undefined) return undefined;
  const { head } = openCopyMessage(seal, id, first.message);
  // The oldest messages of a full log go first: what is left has no beginning.
  if (head === undefined) return undefined;
  const { home, done, isReleased } = openCopyMessage(seal, id, last.message);
  return { head, home, isEnded: done !== undefined, isReleased: isReleased === true, number: last.number };
}

/** All of it. Undefined: there is no copy, or a part of it is missing. Rejects when the log cannot be asked. */
export async function readCopy(
  { log, seal }: CopyReaderPorts,
  id: StreamId,
): Promise<CopiedStream | undefined> {
  const subject = copySubject(id);
  const ring = new Ring();
  const opened = new Set<number>();
  let copied: CopiedStream | undefined;
  let number = 0;
  for (let count = 0; count < MOST_MESSAGES; count += 1) {
    const found = await log.next(subject, number);
    if (found === undefined) return copied;
    number = found.number;
    const { home, run, head, records, done, isReleased } = openCopyMessage(seal, id, found.message);
    if (records !== undefined) {
      if (records.first !== ring.lastSeq + 1) return undefined;
      ring.restore(records);
      for (const { choice, opens } of entriesIn(records)) if (opens) opened.add(choice);
    }
    const known = copied?.head ?? head;
    if (known === undefined) return undefined;
    const paidUpTo = isReleased === true ? ring.lastSeq : (copied?.paidUpTo ?? 0);
    const ends = { paidUpTo, done, isEnded: done !== undefined, isReleased: isReleased === true };
    copied = { head: known, home, run: run ?? copied?.run, number, ring, opened, ...ends };
  }
  return undefined;
}
