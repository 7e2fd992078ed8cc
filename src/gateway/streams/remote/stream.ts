import type { Peers } from "../../../actors/peers.ts";
import { BusError } from "../../../bus/bus.ts";
import { type Clock, sleep } from "../../../core/clock.ts";
import { SluiceError } from "../../../core/errors.ts";
import { type NodeId, randomText } from "../../../core/ids.ts";
import { STREAM_REMOTE_BATCH_BYTES } from "../../../core/limits.ts";
import type { Random } from "../../../core/random.ts";
import { errorOf } from "../copy/message.ts";
import type { CopyState } from "../copy/reader.ts";
import type { StreamAbout } from "../entry.ts";
import type { StreamJournal } from "../journal.ts";
import type { LiveStream, StreamCursor } from "../live-stream.ts";
import type { Served } from "../reader.ts";
import { RemoteCursor, type RemoteSource } from "./cursor.ts";
import { type CancelAnswer, QUESTION, type ReadAnswer, servedOf } from "./question.ts";

export interface RemotePorts {
  readonly peers: Pick<Peers, "ask">;
  readonly clock: Clock;
  readonly random: Random;
  /** What the copy tells; undefined: there is none. Rejects when the log cannot be asked. */
  stateOf(about: StreamAbout): Promise<CopyState | undefined>;
  /** Takes the stream to this node from a home that is gone; undefined: another was first, or there is not enough of it. */
  adopt(about: StreamAbout, from: NodeId): Promise<StreamJournal | undefined>;
  /** This node is stopping: its readers go elsewhere. */
  isClosing(): boolean;
  /** A stream that is here by now. */
  own(about: StreamAbout): StreamJournal | undefined;
}

/** How long an answer may wait for something new: a node that died meanwhile is noticed after it. */
const WAIT_MS = 2_000;
const ANSWER_MS = WAIT_MS + 1_000;
/** Three in the time after which a reader that is not heard counts as gone. */
const STAY_MS = 2_000;
const LOOK_AGAIN_MS = 200;
/** Nobody of that name answers, while the log does: longer than a lost connection takes to be back. */
const GONE_MS = 1_500;
/** It answers that it does not have it: it was started anew, or is just taking it. */
const UNKNOWN_MS = 750;
/** It is there and does not answer: two questions, as a pause of the process would lose. */
const SILENT_MS = 5_000;
/** A stream that was looked for so long is given up; the client may try again. */
const LOST_MS = 30_000;

/** A stream of another node, read through it; when that node is gone, this one takes the stream. */
export class RemoteStream implements LiveStream, RemoteSource {
  constructor(
    readonly ports: RemotePorts,
    readonly about: StreamAbout,
    public home: NodeId,
  ) {}

  async attach(after: number): Promise<StreamCursor> {
    const reader = randomText(this.ports.random.bytes(16));
    return new RemoteCursor(this, reader, after, await this.#next(reader, after, 0));
  }

  async cancel(): Promise<boolean> {
    for (;;) {
      const own = await this.#orOwn(() => this.#askCancel());
      if (typeof own === "boolean") return own;
      if (own !== undefined) return own.cancel();
    }
  }

  read(reader: string, after: number): Promise<Served | StreamCursor> {
    return this.#next(reader, after, WAIT_MS);
  }

  stay(reader: string, after: number): void {
    void this.#ask(QUESTION.read, { reader, after, bytes: 0, waitMs: 0 }).catch(() => {}); // the next one tells
  }

  leave(reader: string): void {
    void this.#ask(QUESTION.leave, { reader }).catch(() => {}); // it is forgotten after a while
  }

  keepTelling(run: () => void) {
    return this.ports.clock.every(STAY_MS, run);
  }

  async #next(reader: string, after: number, waitMs: number): Promise<Served | StreamCursor> {
    for (;;) {
      const found = await this.#orOwn(() => this.#askRead(reader, after, waitMs));
      if (found === undefined) continue;
      return "attach" in found ? found.attach(after) : found;
    }
  }

  async #askRead(reader: string, after: number, waitMs: number): Promise<Served | undefined> {
    const question = { reader, after, bytes: STREAM_REMOTE_BATCH_BYTES, waitMs };
    const answer = (await this.#ask(QUESTION.read, question)) as ReadAnswer; // `RemoteDesk` answers
    if (answer.kind === "refused") throw errorOf(answer.error);
    return answer.kind === "served" ? servedOf(answer) : undefined;
  }

  async #askCancel(): Promise<boolean | undefined> {
    return ((await this.#ask(QUESTION.cancel, {})) as CancelAnswer).cancelled; // `RemoteDesk` answers
  }

  #ask(question: string, what: object): Promise<unknown> {
    const { streamId: stream, tenant } = this.about;
    return this.ports.peers.ask(this.home, question, { stream, tenant, ...what }, ANSWER_MS);
  }

  /**
   * What the home answers, or the stream itself where it is here. Undefined: to be asked again, perhaps of another node.
   * @throws SluiceError what the home refuses, or `overloaded` when the stream cannot be found for long
   */
  async #orOwn<Answer>(ask: () => Promise<Answer | undefined>): Promise<Answer | StreamJournal | undefined> {
    const { ports, about } = this;
    const since = ports.clock.monotonic();
    let silentSince: number | undefined;
    while (ports.clock.monotonic() - since < LOST_MS && !ports.isClosing()) {
      const own = ports.own(about);
      if (own !== undefined && !own.isMoved) return own;
      const from = ports.clock.monotonic();
      const result = await this.#tryAsk(ask);
      if ("answer" in result && result.answer !== undefined) return result.answer;
      silentSince ??= from;
      const silentMs = ports.clock.monotonic() - silentSince;
      const isGone = silentMs >= patienceFor(result);
      const state = await ports.stateOf(about).catch(() => null);
      // Who cannot ask the log cannot tell a node that is gone from a network that is.
      if (state === null) silentSince = undefined;
      else if (state === undefined && isGone) break;
      else if (state !== undefined && state.home !== this.home && !state.isReleased) {
        this.home = state.home;
        silentSince = undefined;
        continue;
      } else if (state !== undefined && (isGone || state.isReleased)) {
        const adopted = await ports.adopt(about, this.home);
        if (adopted !== undefined) return adopted;
      }
      await sleep(ports.clock, LOOK_AGAIN_MS);
    }
    throw new SluiceError("overloaded", "The node that has the stream cannot be reached.", {
      retryAfterMs: 1_000,
    });
  }

  /** What was answered: undefined when the node does not have the stream. */
  async #tryAsk<Answer>(
    ask: () => Promise<Answer | undefined>,
  ): Promise<{ readonly answer: Answer | undefined } | Silence> {
    try {
      return { answer: await ask() };
    } catch (thrown) {
      if (!(thrown instanceof BusError)) throw thrown;
      return { isNobody: thrown.kind === "no_responders" };
    }
  }
}

/** Whether somebody was there who did not answer. */
interface Silence {
  readonly isNobody: boolean;
}

/** How long a home may be without the stream before another takes it. */
function patienceFor(result: { readonly answer: unknown } | Silence): number {
  if ("answer" in result) return UNKNOWN_MS;
  return result.isNobody ? GONE_MS : SILENT_MS;
}
