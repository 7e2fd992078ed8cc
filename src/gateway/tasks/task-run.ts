import type { JobState, RunningJob } from "../../adapters/media-adapter.ts";
import { DEFAULT_TIMEOUTS } from "../../core/catalog.ts";
import { asSluiceError, SluiceError } from "../../core/errors.ts";
import type { MediaRequest, MediaResult } from "../../core/media.ts";
import { ZERO } from "../../core/points.ts";
import type { TaskError, TaskResult } from "../../core/task.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import type { TaskRun as Right } from "../../ledger/tasks.ts";
import type { MediaStore } from "../../media/media.ts";
import { Attempt } from "../attempt.ts";
import { CandidateWalk } from "../candidate-walk.ts";
import type { Charge } from "../charge.ts";
import type { GeneratePorts } from "../generate.ts";
import { givenUp, refused } from "../given-up.ts";
import { type Asked, JobTalk, type TalkPorts } from "../media/job-talk.ts";
import { meterLost, meterPictures } from "../media/metered.ts";
import type { Taken } from "../media/several-calls.ts";
import { type Metered, NOTHING } from "../meter.ts";
import { pricedBy, type Route } from "../routes.ts";
import type { Ticket } from "../vendor-desk.ts";
import { findJob } from "./find-job.ts";
import { requestFor } from "./inputs.ts";
import {
  ANNOUNCED_MS,
  BUSY_PATIENCE_MS,
  BUSY_PAUSE_MS,
  JOB_MS,
  LEAST_PAUSE_MS,
  MOST_PAUSE_MS,
  MOST_SILENCE,
  MOST_UNKNOWN,
} from "./limits.ts";
import type { PictureOrder } from "./order.ts";
import { keepPictures } from "./results.ts";
import type { TaskBook } from "./task-book.ts";
import {
  CANCELLED_BY_VENDOR,
  Cancelled,
  errorOf,
  Failed,
  isBusy,
  jobJson,
  type Lane,
  nodeLost,
  settleTask,
} from "./task-ends.ts";
import { LetGo, Waiting } from "./waiting.ts";

export interface TaskRunPorts extends GeneratePorts, TalkPorts {
  readonly store: MediaStore;
}

/** One task on this node, from where it stands to its end. */
export interface TaskRunTerms {
  readonly right: Right;
  readonly order: PictureOrder;
  readonly charge: Charge;
  readonly candidates: readonly Route[];
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** Somebody waits for it. */
  readonly isAwaited: boolean;
  /** Why nothing new is begun for it: only what a vendor has is gone on with. */
  readonly refusal?: SluiceError | undefined;
}

/** Where another node, or an earlier life of this one, left a task. */
export interface LeftAt {
  readonly state: "queued" | "submitting" | "running" | "storing";
  readonly route: Route | undefined;
  readonly keyId: string | undefined;
  readonly job: RunningJob | undefined;
}

/** The run of one task for pictures: submits, follows, keeps what was made, and settles once. */
export class PictureRun {
  readonly #waiting: Waiting;
  #isCancelWanted = false;
  #news: JobState | undefined;
  #job: RunningJob | undefined;
  #lane: Lane | undefined;

  constructor(
    readonly ports: TaskRunPorts,
    readonly book: TaskBook,
    readonly terms: TaskRunTerms,
  ) {
    this.#waiting = new Waiting(ports.deadlines);
    // The node stops: what can be gone on with elsewhere is left to others, the rest is settled as it is.
    terms.charge.runner = { stop: () => this.letGo() };
  }

  /** Whether a vendor works on it in a call that would be lost with this node. */
  isSubmitting = false;

  /** What the vendor calls it, for messages of the vendor. */
  isAbout(vendor: string, jobId: string): boolean {
    return this.#job?.jobId === jobId && this.#lane?.talk.route.vendor.id === vendor;
  }

  /** Whether nobody would charge for it if it were cancelled now. */
  get isFreeToCancel(): boolean {
    return !this.isSubmitting && (this.#lane === undefined || this.#lane.talk.canCancel);
  }

  cancel(): void {
    this.#isCancelWanted = true;
    this.#waiting.wake();
  }

  /** The vendor says that something has happened. */
  hear(state: JobState | undefined): void {
    this.#news = state;
    this.#waiting.wake();
  }

  /** The task is another node's, or is to become it. */
  letGo(): void {
    this.#waiting.stop();
  }

  /** To its end, however that comes. Never rejects. */
  async go(left?: LeftAt): Promise<void> {
    const { charge } = this.terms;
    try {
      await this.#finish(await this.#made(left));
    } catch (thrown) {
      if (thrown instanceof LetGo || this.#waiting.isStopped) {
        charge.settleUnserved("cancelled", "request_cancelled");
        await this.book.letGo();
      } else if (thrown instanceof Cancelled) {
        await this.#endCancelled(NOTHING);
      } else if (thrown instanceof Failed) {
        await this.#fail(thrown);
      } else await this.#fail(new Failed(asSluiceError(thrown), this.#lane));
    } finally {
      this.#waiting.stop();
      this.#lane?.attempt.close();
      this.#lane?.ticket?.release();
    }
  }

  async #made(left: LeftAt | undefined): Promise<MediaResult> {
    if (left === undefined || left.state === "queued") return this.#follow(await this.#submit());
    const { route, keyId, job, state } = left;
    const key = route?.vendor.keys.find(({ id }) => id === keyId) ?? route?.vendor.keys[0];
    if (route === undefined || key === undefined) {
      const error = new SluiceError(
        "vendor_unavailable",
        "The vendor that has the job is not configured any more.",
      );
      throw new Failed(error, undefined, "all");
    }
    const lane = this.#laneOf(route, new JobTalk(this.ports, route, key));
    this.#lane = lane;
    if (job !== undefined) {
      return this.#follow({ kind: "running", job, askAgainMs: 0 });
    }
    const { refusal } = this.terms;
    if (lane.talk.adapter.resubmission === "safe" && refusal === undefined) {
      return this.#follow(await this.#submit());
    }
    const failure = nodeLost(state);
    const found = state === "storing" ? undefined : await this.#find(lane, failure);
    if (found !== undefined) return this.#follow(found);
    if (state === "storing") throw new Failed(errorOf(failure), lane, "all");
    this.#lane = undefined;
    if (refusal !== undefined) throw new Failed(refusal);
    await this.book.move({ state: "queued" });
    return this.#follow(await this.#submit());
  }

  #laneOf(route: Route, talk: JobTalk): Lane {
    const attempt = new Attempt(route, talk.key, this.ports.deadlines, false);
    attempt.close();
    return { talk, attempt, ticket: undefined, dropped: [] };
  }

  /** Offers the job to one candidate after the other; waits for those that are busy, where nobody waits for it. */
  async #submit(): Promise<Taken> {
    const { charge, candidates, isAwaited } = this.terms;
    const { clock } = this.ports;
    const patience = clock.monotonic() + BUSY_PATIENCE_MS;
    for (let pauseMs = BUSY_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MOST_PAUSE_MS)) {
      this.#throwIfOver();
      const walk = new CandidateWalk(this.ports, candidates, charge, this.#waiting.signal);
      const offered = await walk.next<{ readonly taken: Taken }>({
        stream: false,
        call: (attempt, ticket) => this.#offer(attempt, ticket),
        gone: () => new LetGo(),
        refused,
      });
      if (offered !== undefined) return offered.taken;
      const { failure } = walk;
      if (!isBusy(failure) || isAwaited || clock.monotonic() >= patience) throw givenUp(walk);
      await this.book.move({ state: "queued" });
      await this.#waiting.pause(Math.max(pauseMs, Math.min(failure.retryAfterMs ?? 0, MOST_PAUSE_MS)));
    }
  }

  async #offer(attempt: Attempt, ticket: Ticket): Promise<{ readonly taken: Taken } | VendorFailure> {
    const { route, key } = attempt;
    const talk = new JobTalk(this.ports, route, key);
    const request = await this.#request(talk);
    const submission = talk.submissionOf(request, this.terms.right.id);
    if ("fault" in submission) return submission;
    const { clock } = this.ports;
    const announcing = clock.monotonic();
    await this.book.move({
      state: "submitting",
      vendor: route.vendor.id,
      vendorModel: route.model,
      vendorKey: key.id,
      event: { state: "submitting" },
    });
    // Whoever slept here for long may have lost the task to a node that takes this call for lost.
    if (clock.monotonic() - announcing > ANNOUNCED_MS) throw new LetGo();
    this.#throwIfOver();
    this.isSubmitting = true;
    const submitted = await talk.submit(submission, attempt.signal).finally(() => {
      this.isSubmitting = false;
    });
    if (submitted.kind === "refused") return submitted.failure;
    attempt.close();
    const lane = { talk, attempt, ticket, dropped: submission.dropped ?? [] };
    if (submitted.kind === "taken") {
      ticket.report({
        ok: true,
        durationMs: clock.monotonic() - attempt.startedAt,
        firstTokenMs: undefined,
      });
      this.#lane = lane;
      return { taken: submitted.state };
    }
    if (this.#waiting.isStopped) throw new LetGo();
    ticket.report({ ok: false, failure: submitted.failure });
    const found = await this.#find(lane, submitted.failure);
    if (found === undefined) return submitted.failure;
    this.#lane = lane;
    return { taken: found };
  }

  async #request(talk: JobTalk): Promise<MediaRequest> {
    const { order } = this.terms;
    return requestFor(this.ports.store, order, talk.pictureForm(order.request));
  }

  #find(lane: Lane, failure: VendorFailure): Promise<Taken | undefined> {
    const { right, order } = this.terms;
    const pause = async (ms: number): Promise<void> => {
      await this.#waiting.pause(ms);
      this.#throwIfOver(false);
    };
    return findJob({ pause, signal: this.#waiting.signal }, lane, right.id, order.request, failure);
  }

  /** Asks about a job, at its vendor's pace, until it is made. */
  async #follow(taken: Taken): Promise<MediaResult> {
    const lane = this.#lane;
    if (lane === undefined) throw new Error("a job without a vendor");
    if (taken.kind === "done") return this.#storing(taken.result, taken.job);
    const { ports, terms } = this;
    const { totalMs } = lane.attempt.timeouts;
    const deadline = terms.createdAt + (totalMs === DEFAULT_TIMEOUTS.totalMs ? JOB_MS : totalMs);
    let { job, askAgainMs } = taken;
    let silence = 0;
    let unknown = 0;
    this.#job = job;
    await this.book.move({ state: "running", job: jobJson(job), event: { state: "running" } });
    await this.book.progress(taken.progress);
    for (;;) {
      if (this.#isCancelWanted && lane.talk.canCancel) {
        if (await lane.talk.cancel(job, this.#waiting.signal)) throw new Cancelled();
      }
      await this.#waiting.pause(Math.min(MOST_PAUSE_MS, Math.max(LEAST_PAUSE_MS, askAgainMs)));
      this.#throwIfOver(false);
      const heard = this.#news;
      this.#news = undefined;
      const state: Asked = heard ?? (await lane.talk.ask(job, this.#waiting.signal));
      this.#throwIfOver(false);
      switch (state.kind) {
        case "done":
          return this.#storing(state.result, state.job ?? job);
        case "failed":
          throw new Failed(errorOf(state.failure), lane, state.mayHaveRun === true ? "all" : undefined);
        case "cancelled":
          if (this.#isCancelWanted) throw new Cancelled();
          throw new Failed(CANCELLED_BY_VENDOR(), lane);
        case "running":
          silence = unknown = 0;
          ({ job, askAgainMs } = state);
          if (JSON.stringify(job) !== JSON.stringify(this.#job)) {
            this.#job = job;
            await this.book.move({ state: "running", job: jobJson(job) });
          }
          await this.book.progress(state.progress);
          break;
        case "silent":
        case "unknown":
          silence += 1;
          unknown += state.kind === "unknown" ? 1 : 0;
          if (silence > MOST_SILENCE || unknown > MOST_UNKNOWN) {
            throw new Failed(errorOf(state.failure), lane, "all");
          }
          askAgainMs = Math.max(askAgainMs, Math.min(MOST_PAUSE_MS, LEAST_PAUSE_MS * 2 ** silence));
      }
      if (ports.clock.now() >= deadline) {
        const error = new SluiceError("vendor_timeout", "The vendor did not finish the job in time.");
        throw new Failed(error, lane, "all");
      }
    }
  }

  async #storing(result: MediaResult, job: RunningJob | undefined): Promise<MediaResult> {
    this.#job = job ?? this.#job;
    await this.book.move({
      state: "storing",
      ...(job === undefined ? {} : { job: jobJson(job) }),
      event: { state: "storing" },
    });
    return result;
  }

  /** Copies what was made, charges it, and says so. */
  async #finish(result: MediaResult): Promise<void> {
    const lane = this.#lane;
    if (lane === undefined) throw new Error("pictures without a vendor");
    const { route } = lane.talk;
    const { charge, order } = this.terms;
    const terms = {
      tariff: pricedBy(route, charge.admittedAt),
      mostTokens: route.maxOutputTokens,
      asked: order.request.count,
    };
    const metered = meterPictures(terms, result, order.isBatch);
    if (this.#isCancelWanted) return this.#endCancelled(metered);
    if (result.isWithoutPictures !== true && result.pictures.every(({ kind }) => kind === "refused")) {
      const [first] = result.pictures;
      const message = first?.kind === "refused" ? first.message : "The vendor made no picture.";
      throw new Failed(new SluiceError("content_policy_violation", message), lane);
    }
    const trusted = route.media?.baseUrl ?? "";
    const { signal } = this.#waiting;
    const { tenant } = order.caller;
    const pictures = await keepPictures(this.ports, tenant, result.pictures, trusted, signal).catch(
      (cause: unknown) => {
        const message = "What the vendor made could not be copied.";
        throw new Failed(new SluiceError("vendor_unavailable", message, { cause }), lane, metered);
      },
    );
    if (this.#waiting.isStopped) throw new LetGo();
    const cost = await settleTask(charge, "completed", metered, lane);
    const { extra } = result;
    const jobId = this.#job?.jobId;
    const told: TaskResult = {
      pictures,
      ...(extra === undefined ? {} : { extra }),
      ...(lane.dropped.length === 0 ? {} : { dropped: lane.dropped }),
      ...(jobId === undefined ? {} : { jobId }),
    };
    await this.book.end({ state: "succeeded", result: told, usage: metered.usage, cost });
  }

  /** A vendor that made it before it could be stopped is paid; what it made is dropped. */
  async #endCancelled(metered: Metered): Promise<void> {
    const cost = await settleTask(this.terms.charge, "cancelled", metered, this.#lane);
    const error = { code: "request_cancelled", message: "The task was cancelled." } as const;
    await this.book.end({ state: "cancelled", error, usage: metered.usage, cost });
  }

  async #fail({ error, lane, loss }: Failed): Promise<void> {
    const { charge, order } = this.terms;
    const route = lane?.talk.route;
    const metered =
      loss === "all"
        ? route === undefined
          ? NOTHING
          : meterLost(
              { tariff: pricedBy(route, charge.admittedAt), mostTokens: route.maxOutputTokens },
              order.request.count,
            )
        : { ...(loss ?? NOTHING), isBillable: false };
    await settleTask(charge, "failed", metered, lane, error);
    const { code, message, detail } = error;
    const told: TaskError = {
      code,
      message,
      ...(detail.param === undefined ? {} : { param: detail.param }),
      ...(loss === undefined ? {} : { mayHaveRun: true }),
    };
    await this.book.end({ state: "failed", error: told, cost: ZERO });
  }

  #throwIfOver(orCancelled = true): void {
    if (this.#waiting.isStopped) throw new LetGo();
    if (orCancelled && this.#isCancelWanted) throw new Cancelled();
  }
}
