import type { TaskId } from "../../core/ids.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import type { FoundRequest, JobTalk } from "../media/job-talk.ts";
import type { Taken } from "../media/several-calls.ts";
import { CANCELLED_BY_VENDOR, errorOf, Failed, type Lane } from "./task-ends.ts";

export interface FindPorts {
  /** Waits so long. Rejects when there is nothing to wait for any more. */
  pause(ms: number): Promise<void>;
  readonly signal: AbortSignal;
}

/** Looks for a job of which only its mark is known, before it is given up. */
const TRIES = 5;
const PAUSE_MS = 1_000;
/**
 * How often a vendor must say that it has none, twice as long apart each time: a call that was cut off may still be under
 * way to it, and a job that it took is in some vendors' lists only after a moment.
 */
const MOST_UNKNOWN = 3;

/**
 * The job of a submission that was not answered. Undefined: the vendor never had it, so that it may be submitted.
 * Where nobody can tell, the task fails: what may have been done is never asked for twice.
 * @throws Failed
 */
export async function findJob(
  { pause, signal }: FindPorts,
  lane: Lane & { readonly talk: Pick<JobTalk, "find"> },
  mark: TaskId,
  request: FoundRequest,
  failure: VendorFailure,
): Promise<Taken | undefined> {
  let unknown = 0;
  for (let tries = 1; tries <= TRIES; tries += 1) {
    await pause(PAUSE_MS * 2 ** unknown);
    const found = await lane.talk.find(mark, request, signal);
    if (found === undefined) break;
    if (found.kind === "running" || found.kind === "done") return found;
    if (found.kind === "failed") throw new Failed(errorOf(found.failure), lane);
    if (found.kind === "cancelled") throw new Failed(CANCELLED_BY_VENDOR(), lane);
    unknown = found.kind === "unknown" ? unknown + 1 : 0;
    if (unknown >= MOST_UNKNOWN) return undefined;
  }
  throw new Failed(errorOf(failure), lane, "all");
}
