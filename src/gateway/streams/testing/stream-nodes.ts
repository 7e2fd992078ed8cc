import { createPeers, type Peers } from "../../../actors/peers.ts";
import { createMembership } from "../../../actors/placement/membership.ts";
import { createInProcessBus } from "../../../bus/in-process.ts";
import { createInProcessSubjectLog } from "../../../bus/in-process-subject-log.ts";
import { nodeId, type RequestId, type StreamId, tenantId } from "../../../core/ids.ts";
import { silentLog } from "../../../core/log.ts";
import { ManualClock } from "../../../core/manual-clock.ts";
import { seededRandom } from "../../../core/random.ts";
import { createSeal } from "../../../ledger/sealed.ts";
import type { Begun } from "../../takeover/resumed.ts";
import { callerOf, chatRequest } from "../../testing/fixtures.ts";
import { ScriptedGeneration } from "../../testing/scripted-generation.ts";
import { ClusterStreams } from "../cluster.ts";
import type { StreamEntry } from "../entry.ts";
import type { StreamJournal } from "../journal.ts";
import type { LiveStream, StreamCursor } from "../live-stream.ts";
import { StreamRegistry } from "../registry.ts";

export const TENANT = tenantId("t");

/** One node's streams, on a bus and a log that nodes of one process share. */
export interface StreamNode {
  readonly streams: StreamRegistry;
  readonly cluster: ClusterStreams;
  readonly peers: Peers;
  /** What it was asked to go on with, and the generations that it went on with. */
  readonly resumed: { readonly begun: Begun; readonly generation: ScriptedGeneration }[];
  readonly givenUp: { readonly former: RequestId; readonly by: RequestId }[];
  /** Answers nothing any more, as a process that is gone. */
  die(): void;
  open(generation: ScriptedGeneration, detachMs?: number): StreamJournal;
  find(id: StreamId): Promise<LiveStream>;
}

/** Two nodes and a log in one process, under a clock that the test moves. */
export function createStreamNodes() {
  const clock = new ManualClock();
  const bus = createInProcessBus({ clock });
  const log = createInProcessSubjectLog();
  const random = seededRandom(1);
  const seal = createSeal(new Uint8Array(32), random);
  /** Of questions about what comes next: how many, and the most that one answer held. */
  const asked = { reads: 0, mostBytes: 0 };

  const node = (name: string): StreamNode => {
    const id = nodeId(name);
    const streams = new StreamRegistry(clock);
    const peers = createPeers({ node: id, bus, membership: createMembership({ node: id, bus, clock }) });
    const watched: Peers = {
      ...peers,
      async ask(...question) {
        const answer = await peers.ask(...question);
        const { records } = answer as { records?: { bytes: Uint8Array } };
        if (question[1] === "stream.read") asked.reads += 1;
        asked.mostBytes = Math.max(asked.mostBytes, records?.bytes.length ?? 0);
        return answer;
      },
    };
    const resumed: StreamNode["resumed"] = [];
    const givenUp: StreamNode["givenUp"] = [];
    const cluster = new ClusterStreams({
      node: id,
      log,
      seal,
      streams,
      peers: watched,
      clock,
      random,
      report: silentLog,
      async giveUp(former, by) {
        givenUp.push({ former, by });
      },
      async resume(_origin, _request, begun) {
        const generation = new ScriptedGeneration(`of_${name}`);
        resumed.push({ begun, generation });
        return generation;
      },
    });
    return {
      streams,
      cluster,
      peers: watched,
      resumed,
      givenUp,
      die: () => peers.close(),
      open: (generation, detachMs) =>
        streams.open(callerOf({ tenant: TENANT }), generation, chatRequest(), {
          ...(detachMs === undefined ? {} : { detachMs }),
        }),
      async find(stream) {
        const found = await streams.get(stream, TENANT);
        if (found === undefined) throw new Error(`${stream} is not found at ${name}`);
        return found;
      },
    };
  };
  return { clock, log, asked, first: node("a"), second: node("b"), third: node("c") };
}

/** Lets time pass until what is awaited is there: what waits for one another takes turns. */
export async function meanwhile<Value>(clock: ManualClock, awaited: Value | Promise<Value>): Promise<Value> {
  let isOver = false;
  const over = Promise.resolve(awaited).finally(() => {
    isOver = true;
  });
  over.catch(() => {});
  for (let turn = 0; !isOver && turn < 10_000; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    if (!isOver) await clock.advance(10);
  }
  return over;
}

export async function readAll(cursor: StreamCursor): Promise<StreamEntry[]> {
  const entries: StreamEntry[] = [];
  for (let entry = await cursor.next(); entry !== null; entry = await cursor.next()) entries.push(entry);
  return entries;
}

export const textOf = (entries: readonly StreamEntry[]): string =>
  entries.map((entry) => (entry.type === "delta" ? (entry.text ?? "") : "")).join("");
