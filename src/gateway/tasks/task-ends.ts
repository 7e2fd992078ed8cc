import type { RunningJob } from "../../adapters/media-adapter.ts";
import { SluiceError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/generation.ts";
import type { Micropoints } from "../../core/points.ts";
import type { TaskState } from "../../core/task.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import type { Attempt } from "../attempt.ts";
import type { Charge } from "../charge.ts";
import type { JobTalk } from "../media/job-talk.ts";
import type { Metered } from "../meter.ts";
import type { Ticket } from "../vendor-desk.ts";

/** A job that a vendor has: who asks about it, and what gives its place back. */
export interface Lane {
  readonly talk: JobTalk;
  readonly attempt: Attempt;
  readonly ticket: Ticket | undefined;
  readonly dropped: readonly string[];
}

/**
 * The task cannot succeed. `loss`: what a vendor may have done, and charged for, all the same; `all` of what it was
 * asked for, where nobody knows.
 */
export class Failed extends Error {
  constructor(
    readonly error: SluiceError,
    readonly lane?: Lane,
    readonly loss?: Metered | "all",
  ) {
    super(error.message);
  }
}

/** Somebody wants it no more, and no vendor works on it. */
export class Cancelled extends Error {}

/** Takes the points for a task. What the disk refuses is the platform's; only who was to be given something is told. */
export async function settleTask(
  charge: Charge,
  outcome: "completed" | "failed" | "cancelled",
  metered: Metered,
  lane: Lane | undefined,
  error?: SluiceError,
): Promise<Micropoints> {
  if (lane !== undefined) {
    const result = outcome === "completed" ? "served" : outcome;
    charge.noteAttempt(lane.attempt, result, error && failureOf(error));
  }
  try {
    await charge.settle({
      outcome,
      metered,
      route: lane?.talk.route,
      finishReason: null,
      errorCode: error?.code ?? (outcome === "cancelled" ? "request_cancelled" : null),
      firstTokenAt: undefined,
    });
  } catch (thrown) {
    if (outcome === "completed") throw thrown;
  }
  return charge.charged;
}

/** Why a vendor is not asked for a while: it fails, or its keys are set aside, as after a 429. */
const PASSING: ReadonlySet<string> = new Set(["breaker_open", "no_usable_key"]);

/** Whether a vendor that took nothing may take it a little later. */
export const isBusy = (failure: VendorFailure | undefined): failure is VendorFailure =>
  failure !== undefined && (failure.fault === "account" || PASSING.has(failure.vendorCode ?? ""));

/** What a client is told of a vendor's failure; our credentials are our trouble. */
export const errorOf = ({ code, message, param, fault }: VendorFailure): SluiceError =>
  fault === "key"
    ? new SluiceError("vendor_unavailable", "The vendor refused the platform's credentials.")
    : new SluiceError(code, message, param === undefined ? {} : { param });

export const CANCELLED_BY_VENDOR = (): SluiceError =>
  new SluiceError("vendor_unavailable", "The vendor cancelled the job.");

const failureOf = ({ code, message }: SluiceError): VendorFailure => ({
  fault: "vendor",
  code,
  status: 0,
  message,
});

/** The node that asked is gone, and with it the vendor's answer, or what it had made. */
export const nodeLost = (state: TaskState): VendorFailure => ({
  fault: "vendor",
  code: "vendor_unavailable",
  status: 0,
  vendorCode: "node_lost",
  message: state === "storing" ? "What the vendor made was lost." : "The vendor's answer was lost.",
});

export const jobJson = (job: RunningJob): JsonObject => ({ ...job });
