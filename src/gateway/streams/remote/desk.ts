import type { Peers } from "../../../actors/peers.ts";
import type { Cancel, Clock } from "../../../core/clock.ts";
import { asSluiceError, SluiceError } from "../../../core/errors.ts";
import type { NodeId } from "../../../core/ids.ts";
import { STREAM_REMOTE_BATCH_BYTES, STREAM_SEAT_MS, STREAM_SEATS } from "../../../core/limits.ts";
import type { StreamJournal } from "../journal.ts";
import type { Seat } from "../reader.ts";
import type { StreamRegistry } from "../registry.ts";
import {
  type CancelAnswer,
  type FindAnswer,
  QUESTION,
  type ReadAnswer,
  type ReadQuestion,
  readAnswer,
  refusalAnswer,
  type StreamQuestion,
} from "./question.ts";

export interface RemoteDeskPorts {
  readonly node: NodeId;
  readonly peers: Pick<Peers, "answer">;
  readonly streams: StreamRegistry;
  readonly clock: Clock;
}

interface Occupied {
  readonly seat: Seat;
  /** Monotonic; of the last question. */
  heardAt: number;
}

/** Longest wait for something new, whatever was asked for. */
const MOST_WAIT_MS = 10_000;
const SWEEP_MS = 1_000;

/** Serves the streams of this node to readers on others: what they ask for, when they ask for it. */
export class RemoteDesk {
  readonly #ports: RemoteDeskPorts;
  readonly #seats = new Map<string, Occupied>();
  #stopSweeping: Cancel | undefined;

  constructor(ports: RemoteDeskPorts) {
    this.#ports = ports;
    // Questions come from nodes of this version of the cluster; the bus has unpacked them.
    const { peers } = ports;
    peers.answer(QUESTION.read, (payload) => this.#read(payload as ReadQuestion));
    peers.answer(QUESTION.leave, async (payload) => this.#leave(payload as { readonly reader: string }));
    peers.answer(QUESTION.cancel, async (payload) => this.#cancel(payload as StreamQuestion));
    peers.answer(QUESTION.find, async (payload) => this.#find(payload as StreamQuestion));
  }

  /** Readers on other nodes. */
  get readers(): number {
    return this.#seats.size;
  }

  close(): void {
    for (const reader of [...this.#seats.keys()]) this.#leave({ reader });
  }

  async #read(question: ReadQuestion): Promise<ReadAnswer> {
    const journal = this.#journalOf(question);
    if (journal === undefined) return { kind: "unknown" };
    try {
      return await this.#serve(journal, question);
    } catch (thrown) {
      return refusalAnswer(asSluiceError(thrown));
    }
  }

  async #serve(journal: StreamJournal, question: ReadQuestion): Promise<ReadAnswer> {
    const { reader, after, waitMs } = question;
    const bytes = Math.min(question.bytes, STREAM_REMOTE_BATCH_BYTES);
    const { clock } = this.#ports;
    const seat = this.#seatOf(journal, reader, after);
    const first = seat.serve(after, bytes);
    // A late answer's question: the reader has long asked for what comes next.
    if (first === undefined) return { kind: "served", backlog: 0 };
    const hasNews = first.records !== undefined || first.done !== undefined || first.isMoved;
    if (hasNews || bytes === 0) return readAnswer(first);
    const cancel = clock.after(Math.min(waitMs, MOST_WAIT_MS), () => seat.tell());
    await seat.whenTold();
    cancel();
    const later = seat.serve(after, bytes);
    return later === undefined ? { kind: "served", backlog: 0 } : readAnswer(later);
  }

  #seatOf(journal: StreamJournal, reader: string, after: number): Seat {
    const known = this.#seats.get(reader);
    const heardAt = this.#ports.clock.monotonic();
    if (known !== undefined) {
      known.heardAt = heardAt;
      return known.seat;
    }
    if (this.#seats.size >= STREAM_SEATS) {
      throw new SluiceError("overloaded", "Too many readers of other nodes read streams of this one.");
    }
    const seat = journal.seat(after);
    this.#seats.set(reader, { seat, heardAt });
    this.#stopSweeping ??= this.#ports.clock.every(SWEEP_MS, () => this.#sweep());
    return seat;
  }

  #leave({ reader }: { readonly reader: string }): void {
    const occupied = this.#seats.get(reader);
    if (occupied === undefined) return;
    this.#seats.delete(reader);
    occupied.seat.close();
    if (this.#seats.size > 0) return;
    this.#stopSweeping?.();
    this.#stopSweeping = undefined;
  }

  #cancel(question: StreamQuestion): CancelAnswer {
    const journal = this.#journalOf(question);
    // What is just being left is to be asked of whoever has it next.
    return journal === undefined || journal.isBeingLeft ? {} : { cancelled: journal.cancel() };
  }

  #find(question: StreamQuestion): FindAnswer {
    const journal = this.#journalOf(question);
    return journal === undefined ? {} : { home: this.#ports.node, about: journal.about };
  }

  #journalOf({ stream, tenant }: StreamQuestion): StreamJournal | undefined {
    const journal = this.#ports.streams.ownJournal(stream);
    return journal?.about.tenant === tenant ? journal : undefined;
  }

  #sweep(): void {
    const now = this.#ports.clock.monotonic();
    for (const [reader, { heardAt }] of this.#seats) {
      if (now - heardAt >= STREAM_SEAT_MS) this.#leave({ reader });
    }
  }
}
