import type { SubjectLog } from "../../../bus/subject-log.ts";
import { type Clock, sleep } from "../../../core/clock.ts";
import type { NodeId, StreamId } from "../../../core/ids.ts";
import {
  STREAM_COPY_BATCH_BYTES,
  STREAM_COPY_GIVE_UP_MS,
  STREAM_COPY_PATIENCE_MS,
} from "../../../core/limits.ts";
import type { Seal } from "../../../ledger/sealed.ts";
import type { DoneEntry } from "../entry.ts";
import type { CopySource, JournalCopy } from "../journal-copy.ts";
import { type CopyHead, type CopyMessage, copySubject, sealCopyMessage } from "./message.ts";

export interface CopyPorts {
  readonly node: NodeId;
  readonly log: SubjectLog;
  readonly seal: Seal;
  readonly clock: Clock;
  /** Milliseconds between two messages of one stream, by how many streams write at the moment. */
  paceMs(): number;
  /** Told what became of it. */
  count(step: CopyStep): void;
}

/** `late`: readers went ahead of the copy. `dropped`: it was given up. `lost`: another node had the stream. */
export type CopyStep = "written" | "late" | "dropped" | "lost";

export interface CopyStart {
  readonly streamId: StreamId;
  /** For a stream that begins here. */
  readonly head?: CopyHead;
  /** Number of the copy's last message; 0: it has none. */
  readonly number: number;
}

/** Between tries to write what the log did not take. */
const AGAIN_MS = 100;
/** What a message takes besides what is in it. */
const ENVELOPE_BYTES = 16 * 1024;

/**
 * Writes a stream into its copy, a batch at a time, and shows readers what is there: what a client has seen, another
 * node can go on from. A log that does not answer holds them up for a bounded time; then they go ahead of it, and the
 * copy follows when it can. Each message follows the last one known: who finds another's there has lost the stream.
 */
export class CopyWriter implements JournalCopy {
  #head: CopyHead | undefined;
  #number: number;
  /** Monotonic; of the try that has not succeeded yet. */
  #tryingSince: number | undefined;
  #sentAt = Number.NEGATIVE_INFINITY;
  #isWriting = false;
  #isLate = false;
  #isOver = false;
  #last:
    | { readonly message: Partial<CopyMessage>; readonly written: PromiseWithResolvers<boolean> }
    | undefined;
  #hurry: (() => void) | undefined;

  constructor(
    readonly ports: CopyPorts,
    readonly start: CopyStart,
    readonly source: CopySource,
  ) {
    this.#head = start.head;
    this.#number = start.number;
  }

  wrote(): void {
    const { source } = this;
    if (!this.#isOver && !this.#isLate && this.#waitedMs() >= STREAM_COPY_PATIENCE_MS) this.#beLate();
    if (this.#isOver || this.#isLate) source.show(source.lastSeq);
    if (source.waiting >= STREAM_COPY_BATCH_BYTES) this.#hurry?.();
    this.#write();
  }

  async end(done: DoneEntry): Promise<void> {
    await this.#close({ done });
  }

  release(): Promise<boolean> {
    return this.#close({ isReleased: true });
  }

  isAwaited(): boolean {
    if (!this.#isLate) return !this.#isOver;
    this.#drop();
    return false;
  }

  /** The last message. A copy that is late is not waited for. */
  async #close(message: Partial<CopyMessage>): Promise<boolean> {
    if (this.#isOver) return false;
    const written = Promise.withResolvers<boolean>();
    this.#last = { message, written };
    this.#hurry?.();
    this.#write();
    if (this.#isLate) return false;
    const patience = Promise.withResolvers<boolean>();
    const cancel = this.ports.clock.after(STREAM_COPY_PATIENCE_MS, () => patience.resolve(false));
    try {
      return await Promise.race([written.promise, patience.promise]);
    } finally {
      cancel();
    }
  }

  #write(): void {
    if (this.#isWriting || this.#isOver) return;
    this.#isWriting = true;
    void this.#writeAll();
  }

  /** Never rejects: what goes wrong with the log is answered in `#append`. */
  async #writeAll(): Promise<void> {
    const { source, ports } = this;
    while (!this.#isOver && (source.waiting > 0 || this.#last !== undefined)) {
      await this.#keepPace();
      const records = source.take(STREAM_COPY_BATCH_BYTES);
      // With the last records, unless there are more of them.
      const last = source.waiting === 0 ? this.#last : undefined;
      const isWritten = await this.#append({
        home: ports.node,
        ...(this.#head === undefined ? {} : { head: this.#head }),
        ...(records === undefined ? {} : { records }),
        ...last?.message,
      });
      if (!isWritten) break;
      ports.count("written");
      this.#head = undefined;
      if (records !== undefined) source.show(records.last);
      if (last === undefined) continue;
      this.#isOver = true;
      last.written.resolve(true);
    }
    // In the same turn as the last look at what there is: what is written from now on begins anew.
    this.#isWriting = false;
    this.#last?.written.resolve(false);
  }

  /** The first at once, what follows not more often than the pace says, unless there is much or it is the last. */
  async #keepPace(): Promise<void> {
    const { clock, paceMs } = this.ports;
    const restMs = this.#sentAt + paceMs() - clock.monotonic();
    if (restMs > 0 && this.#last === undefined && this.source.waiting < STREAM_COPY_BATCH_BYTES) {
      await new Promise<void>((resolve) => {
        const cancel = clock.after(restMs, resolve);
        this.#hurry = () => {
          cancel();
          resolve();
        };
      });
      this.#hurry = undefined;
    }
    this.#sentAt = clock.monotonic();
  }

  /** False: it is over, here or altogether. */
  async #append(message: CopyMessage): Promise<boolean> {
    const { log, clock } = this.ports;
    const { streamId } = this.start;
    const bytes = this.#sealed(message);
    if (bytes === undefined) return this.#drop();
    this.#tryingSince = clock.monotonic();
    while (!this.#isOver) {
      const result = await this.#tryAppend(copySubject(streamId), bytes, log);
      if (result === "taken") {
        this.#tryingSince = undefined;
        this.#isLate = false;
        return true;
      }
      if (result === "lost") return this.#lose();
      if (result === "forgotten" || this.#waitedMs() >= STREAM_COPY_GIVE_UP_MS) return this.#drop();
      if (this.#waitedMs() >= STREAM_COPY_PATIENCE_MS) this.#beLate();
      await sleep(clock, AGAIN_MS);
    }
    return false;
  }

  async #tryAppend(
    subject: string,
    bytes: Uint8Array,
    log: SubjectLog,
  ): Promise<"taken" | "lost" | "forgotten" | "unknown"> {
    try {
      const number = await log.append(subject, bytes, this.#number);
      if (number !== undefined) {
        this.#number = number;
        return "taken";
      }
      // Another's message, or this one at an earlier try whose answer was lost: no two are sealed alike.
      const last = await log.last(subject);
      if (last === undefined) return "forgotten";
      if (!Buffer.from(last.message).equals(bytes)) return "lost";
      this.#number = last.number;
      return "taken";
    } catch {
      return "unknown";
    }
  }

  /** Undefined when not even without what was asked it is small enough. */
  #sealed(message: CopyMessage): Uint8Array | undefined {
    const { seal, log } = this.ports;
    const { streamId } = this.start;
    const bytes = sealCopyMessage(seal, streamId, message);
    if (bytes.length <= log.maxBytes - ENVELOPE_BYTES) return bytes;
    if (message.head?.origin === undefined) return undefined;
    const { origin: _, ...head } = message.head;
    return this.#sealed({ ...message, head });
  }

  #waitedMs(): number {
    return this.#tryingSince === undefined ? 0 : this.ports.clock.monotonic() - this.#tryingSince;
  }

  #beLate(): void {
    if (this.#isLate || this.#isOver) return;
    this.#isLate = true;
    this.ports.count("late");
    this.source.show(this.source.lastSeq);
  }

  #drop(): false {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.ports.count("dropped");
    this.source.show(this.source.lastSeq);
    return false;
  }

  #lose(): false {
    this.#isOver = true;
    this.ports.count("lost");
    this.source.lost();
    return false;
  }
}
