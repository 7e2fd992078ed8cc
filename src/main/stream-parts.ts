import { openNatsSubjectLog } from "../bus/nats/subject-log.ts";
import type { SubjectLog } from "../bus/subject-log.ts";
import { systemClock as clock } from "../core/clock.ts";
import { STREAM_COPIES_BYTES, STREAM_COPY_AGE_MS } from "../core/limits.ts";
import type { Log } from "../core/log.ts";
import { systemRandom as random } from "../core/random.ts";
import { ClusterStreams } from "../gateway/streams/cluster.ts";
import { COPY_SUBJECTS } from "../gateway/streams/copy/message.ts";
import type { StreamRegistry } from "../gateway/streams/registry.ts";
import { createSeal } from "../ledger/sealed.ts";
import { giveUpRun } from "../ledger/superseded.ts";
import type { ClusterParts } from "./cluster-parts.ts";
import { derivedKey, type LedgerParts } from "./ledger-parts.ts";
import type { RequestParts } from "./request-parts.ts";

const STREAM = "SLUICE_STREAMS";

/** Where resumable streams are copied to. Undefined: this node is alone. */
export async function openStreamLog({ nats }: ClusterParts): Promise<SubjectLog | undefined> {
  if (nats === undefined) return undefined;
  return await openNatsSubjectLog({
    link: nats.link,
    clock,
    stream: STREAM,
    subjects: COPY_SUBJECTS,
    replicas: nats.replicas,
    ageMs: STREAM_COPY_AGE_MS,
    mostBytes: STREAM_COPIES_BYTES,
  });
}

/** Joins this node's streams with those of the others. */
export function joinStreams(
  log: SubjectLog,
  streams: StreamRegistry,
  { peers }: ClusterParts,
  { node, masterSecret, sql }: Pick<LedgerParts, "node" | "masterSecret" | "sql">,
  { resume }: RequestParts,
  report: Log,
): ClusterStreams {
  return new ClusterStreams({
    node,
    log,
    streams,
    peers,
    clock,
    random,
    report,
    seal: createSeal(derivedKey(masterSecret, "streams"), random),
    giveUp: (former, by) => giveUpRun(sql, former, by),
    resume: ({ caller, request, ...wishes }, requestId, begun) =>
      resume(caller, request, { ...wishes, requestId, mode: "events" }, begun),
  });
}
