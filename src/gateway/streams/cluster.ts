import type { Peers } from "../../actors/peers.ts";
import type { Clock } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import {
  type NodeId,
  type RequestId,
  randomText,
  requestId,
  type StreamId,
  type TenantId,
} from "../../core/ids.ts";
import { STREAM_COPIES_A_SECOND, STREAM_COPY_PACE_MS } from "../../core/limits.ts";
import type { Log } from "../../core/log.ts";
import type { Random } from "../../core/random.ts";
import type { StreamGeneration } from "../gateway.ts";
import type { Begun } from "../takeover/resumed.ts";
import { copySubject, type StreamOrigin, sealCopyMessage } from "./copy/message.ts";
import {
  type CopiedStream,
  type CopyReaderPorts,
  type CopyState,
  readCopy,
  readCopyState,
} from "./copy/reader.ts";
import { type CopyStep, CopyWriter } from "./copy/writer.ts";
import { EndedGeneration } from "./ended-generation.ts";
import type { StreamAbout } from "./entry.ts";
import type { StreamJournal } from "./journal.ts";
import type { LiveStream } from "./live-stream.ts";
import type { StreamCluster, StreamRegistry } from "./registry.ts";
import { RemoteDesk } from "./remote/desk.ts";
import { type FindAnswer, QUESTION } from "./remote/question.ts";
import { RemoteStream } from "./remote/stream.ts";
import { deliveredIn } from "./so-far.ts";

export interface ClusterStreamsPorts extends CopyReaderPorts {
  readonly node: NodeId;
  readonly streams: StreamRegistry;
  readonly peers: Pick<Peers, "answer" | "ask" | "askOthers">;
  readonly clock: Clock;
  readonly random: Random;
  readonly report: Log;
  /** Goes on with an answer that another node began. */
  resume(origin: StreamOrigin, request: RequestId, begun: Begun): Promise<StreamGeneration>;
  /** The former node's run is given up for this one: its charge, when it comes, is the platform's. */
  giveUp(former: RequestId, by: RequestId): Promise<void>;
}

/** What became of streams across nodes, counted since the start. */
export type StreamStep = `copy_${CopyStep}` | "continued" | "restored" | "beaten";

const FIND_MS = 1_000;

/** The streams of all nodes, as this one sees them. */
export class ClusterStreams implements StreamCluster {
  readonly steps = new Map<StreamStep, number>();
  readonly #ports: ClusterStreamsPorts;
  readonly #desk: RemoteDesk;
  readonly #adopting = new Map<StreamId, Promise<StreamJournal | undefined>>();

  constructor(ports: ClusterStreamsPorts) {
    this.#ports = ports;
    this.#desk = new RemoteDesk(ports);
    ports.streams.join(this);
  }

  /** Readers of this node's streams on other nodes. */
  get remoteReaders(): number {
    return this.#desk.readers;
  }

  close(): void {
    this.#desk.close();
  }

  copyOf: StreamCluster["copyOf"] = (start) => (source) => {
    const { streams } = this.#ports;
    const paceMs = () => Math.min(STREAM_COPY_PACE_MS, (streams.running * 1_000) / STREAM_COPIES_A_SECOND);
    const count = (step: CopyStep) => this.#count(`copy_${step}`);
    return new CopyWriter({ ...this.#ports, paceMs, count }, start, source);
  };

  async find(id: StreamId, tenant: TenantId): Promise<LiveStream | undefined> {
    const state = await this.#state(id).catch(() => undefined);
    if (state !== undefined) return this.#remote(state.head.about, state.home, tenant);
    // Without a copy: the log did not take it, or cannot be asked just now.
    const answers = await this.#ports.peers.askOthers(QUESTION.find, { stream: id, tenant }, FIND_MS);
    for (const answer of answers) {
      if (!answer.ok) continue;
      const { home, about } = answer.answer as FindAnswer; // `RemoteDesk` answers
      if (home !== undefined && about !== undefined) return this.#remote(about, home, tenant);
    }
    return undefined;
  }

  #remote(about: StreamAbout, home: NodeId, tenant: TenantId): LiveStream | undefined {
    if (about.tenant !== tenant) return undefined;
    const { peers, clock, random, streams } = this.#ports;
    return new RemoteStream(
      {
        peers,
        clock,
        random,
        isClosing: () => streams.isClosing,
        stateOf: ({ streamId }) => this.#state(streamId),
        adopt: ({ streamId }, from) => this.#adoptOnce(streamId, from),
        own: ({ streamId }) => streams.ownJournal(streamId),
      },
      about,
      home,
    );
  }

  #state(id: StreamId): Promise<CopyState | undefined> {
    return readCopyState(this.#ports, id);
  }

  /** Several readers may find at a time that the stream is nobody's. */
  #adoptOnce(id: StreamId, from: NodeId): Promise<StreamJournal | undefined> {
    const running = this.#adopting.get(id);
    if (running !== undefined) return running;
    const adopting = this.#adopt(id, from)
      .catch((cause: unknown) => {
        this.#ports.report.warn("a stream could not be taken over", { stream: id, cause: String(cause) });
        return undefined;
      })
      .finally(() => this.#adopting.delete(id));
    this.#adopting.set(id, adopting);
    return adopting;
  }

  async #adopt(id: StreamId, from: NodeId): Promise<StreamJournal | undefined> {
    const { streams } = this.#ports;
    const own = streams.ownJournal(id);
    if (own !== undefined) return own;
    if (streams.isFull) return undefined;
    const copied = await readCopy(this.#ports, id);
    if (copied === undefined) return undefined;
    const { about, detachMs } = copied.head;
    const { ring, opened, done } = copied;
    if (done !== undefined) {
      this.#count("restored");
      const ended = Promise.resolve(new EndedGeneration(about, done));
      return streams.adopt(ended, about, detachMs, { ring, opened });
    }
    const run = requestId(`req_${randomText(this.#ports.random.bytes(24))}`);
    // A home that was not asked may be alive: whoever took the stream meanwhile keeps it.
    const isFree = copied.home === from || copied.isReleased;
    const number = isFree ? await this.#claim(id, copied, run) : undefined;
    if (number === undefined) {
      this.#count("beaten");
      return undefined;
    }
    this.#count("continued");
    const copy = this.copyOf({ streamId: id, number });
    return streams.adopt(this.#goOn(copied, run), about, detachMs, { ring, opened, copy });
  }

  /** Whoever appends behind the last message has the stream; the former home finds itself refused. */
  #claim(id: StreamId, { number }: CopiedStream, run: RequestId): Promise<number | undefined> {
    const { log, seal, node } = this.#ports;
    return log.append(copySubject(id), sealCopyMessage(seal, id, { home: node, run }), number);
  }

  async #goOn(copied: CopiedStream, run: RequestId): Promise<StreamGeneration> {
    const { head, ring, isReleased } = copied;
    const { about, origin } = head;
    if (origin === undefined) {
      throw new SluiceError("stream_truncated", "The node that answered is gone, and the request with it.");
    }
    // Who handed it over has charged what was delivered; who died may still be charged for it, unless it is given up.
    if (!isReleased) await this.#ports.giveUp(copied.run ?? about.requestId, run);
    const { streamId, vendor, vendorModel } = about;
    const isUnpaid = !isReleased;
    const begun = { ...deliveredIn(ring, copied.paidUpTo), streamId, vendor, vendorModel, isUnpaid };
    return this.#ports.resume(origin, run, begun);
  }

  #count(step: StreamStep): void {
    this.steps.set(step, (this.steps.get(step) ?? 0) + 1);
  }
}
