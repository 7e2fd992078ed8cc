import type {
  AskedPicture,
  JobState,
  MediaAdapter,
  MediaCall,
  MediaTarget,
  MediaTransport,
  PictureForm,
  RunningJob,
} from "../../adapters/media-adapter.ts";
import type { CallSignal } from "../../core/call-signal.ts";
import type { VendorKey } from "../../core/catalog.ts";
import type { VendorId } from "../../core/ids.ts";
import type { MediaRequest } from "../../core/media.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import { inexpressible } from "../attempt.ts";
import type { Deadlines } from "../deadlines.ts";
import type { Route } from "../routes.ts";
import { CallLimit, exchange, transportFor } from "./exchange.ts";
import { ownRequest } from "./own-request.ts";
import { type Part, type Submission, type Submitted, sendParts, sharesOf } from "./several-calls.ts";

export interface TalkPorts {
  readonly mediaNetwork: MediaTransport;
  readonly deadlines: Deadlines;
  /** Where a vendor can tell of its jobs; undefined where it cannot reach this gateway. */
  hookUrlOf?(vendor: VendorId): string | undefined;
}

/** What a question about a job showed. `silent`: nothing about the job; `unknown`: the vendor says that it has none. */
export type Asked =
  | JobState
  | { readonly kind: "silent"; readonly failure: VendorFailure }
  | { readonly kind: "unknown"; readonly failure: VendorFailure };

/** What is still known of a request whose submission was lost. */
export type FoundRequest = Pick<MediaRequest, "options" | "count">;

/** How long one question to a vendor may take. */
const QUESTION_MS = 30_000;
const GONE_STATUSES: ReadonlySet<number> = new Set([404, 410]);

/** What is said with one vendor, under one of its keys, about one job. */
export class JobTalk {
  readonly adapter: MediaAdapter;
  readonly #target: MediaTarget;

  constructor(
    readonly ports: TalkPorts,
    readonly route: Route,
    readonly key: VendorKey,
  ) {
    if (route.media === undefined) throw new Error(`${route.vendor.id} was asked for pictures`);
    const { adapter, baseUrl } = route.media;
    this.adapter = adapter;
    const hookUrl = adapter.hook?.inPath === true ? ports.hookUrlOf?.(route.vendor.id) : undefined;
    const model = key.models?.[route.model] ?? route.model;
    this.#target = { model, baseUrl, secret: key.secret, ...(hookUrl === undefined ? {} : { hookUrl }) };
  }

  /** What submits the job, or why there is nothing. */
  submissionOf(request: MediaRequest, mark: string): Submission | VendorFailure {
    const { adapter } = this;
    try {
      const own = ownRequest(request, adapter.name);
      const most = adapter.picturesACall?.(own, this.#target);
      const parts = sharesOf(own, most).map((share) => ({
        request: share,
        call: adapter.submit(share, this.#target, mark),
      }));
      const dropped = parts[0]?.call.dropped;
      return { parts, ...(dropped === undefined ? {} : { dropped }) };
    } catch (thrown) {
      return inexpressible(thrown);
    }
  }

  submit({ parts }: Submission, signal: CallSignal): Promise<Submitted> {
    return sendParts(parts, (part) => this.#submitPart(part, signal));
  }

  async #submitPart({ request, call }: Part, signal: CallSignal): Promise<Submitted> {
    const isSafe = this.adapter.resubmission === "safe";
    const sent = await this.#send(call, signal);
    if (!sent.ok) {
      const { failure, mayHaveArrived } = sent;
      return { kind: mayHaveArrived && !isSafe ? "lost" : "refused", failure };
    }
    const state = this.adapter.readSubmitted(request, sent.answer);
    if (state.kind === "running" || state.kind === "done") return { kind: "taken", state };
    if (state.kind === "cancelled") return { kind: "refused", failure: CANCELLED };
    return { kind: state.mayHaveRun === true && !isSafe ? "lost" : "refused", failure: state.failure };
  }

  async ask(job: RunningJob, signal: CallSignal): Promise<Asked> {
    const { poll, readPolled } = this.adapter;
    if (poll === undefined || readPolled === undefined)
      return { kind: "failed", failure: CANNOT_BE_ASKED, mayHaveRun: true };
    return this.#question(
      () => poll(job, this.#target),
      (answer) => {
        const state = readPolled(job, answer);
        const isGone = state.kind === "failed" && GONE_STATUSES.has(answer.status);
        return isGone ? { kind: "unknown", failure: state.failure } : knownOr(state);
      },
      signal,
    );
  }

  /**
   * Looks for a job whose submission was not answered. Undefined: this vendor cannot be asked for it. A 404 is silence: what
   * is not there may be the very call that looks.
   */
  async find(mark: string, request: FoundRequest, signal: CallSignal): Promise<Asked | undefined> {
    const { find, readFound } = this.adapter;
    if (find === undefined || readFound === undefined) return undefined;
    return this.#question(
      () => find(mark, this.#target),
      (answer) => knownOr(readFound(mark, answer, request)),
      signal,
    );
  }

  /** How pictures to work from must come for this vendor. */
  pictureForm(request: AskedPicture): PictureForm | undefined {
    const { takes } = this.adapter;
    return typeof takes === "function" ? takes(request, this.#target) : takes;
  }

  get canCancel(): boolean {
    return this.adapter.cancel !== undefined;
  }

  /** True: the vendor took it back. */
  async cancel(job: RunningJob, signal: CallSignal): Promise<boolean> {
    const call = this.adapter.cancel?.(job, this.#target);
    if (call === undefined) return false;
    const sent = await this.#limited(call, signal);
    if (!sent.ok || sent.answer.status < 200 || sent.answer.status > 299) return false;
    return this.adapter.readCancelled?.(sent.answer) ?? true;
  }

  async #question(
    build: () => MediaCall,
    read: (answer: Parameters<NonNullable<MediaAdapter["readPolled"]>>[1]) => Asked,
    signal: CallSignal,
  ): Promise<Asked> {
    const sent = await this.#limited(build(), signal);
    if (!sent.ok) return { kind: "silent", failure: sent.failure };
    const state = read(sent.answer);
    if (state.kind !== "failed") return state;
    // An error about the question says nothing about the job.
    const { status } = sent.answer;
    const isAboutQuestion = status < 200 || status > 299 || state.mayHaveRun === true;
    return isAboutQuestion ? { kind: "silent", failure: state.failure } : state;
  }

  async #limited(call: MediaCall, signal: CallSignal): Promise<Awaited<ReturnType<typeof exchange>>> {
    const limit = new CallLimit(this.ports.deadlines, QUESTION_MS, signal);
    try {
      return await this.#send(call, limit.signal);
    } finally {
      limit.close();
    }
  }

  #send(call: MediaCall, signal: CallSignal): ReturnType<typeof exchange> {
    const transport = transportFor(this.adapter, this.ports.mediaNetwork, call);
    return exchange(transport, call, this.key.secret, signal);
  }
}

const vendorFailure = (vendorCode: string, message: string): VendorFailure => ({
  fault: "vendor",
  code: "vendor_unavailable",
  status: 200,
  vendorCode,
  message,
});
const CANCELLED = vendorFailure("cancelled", "The vendor cancelled the job at once.");
const CANNOT_BE_ASKED = vendorFailure(
  "no_result",
  "The vendor's answer was lost, and it cannot be asked again.",
);
const knownOr = (state: JobState | { readonly kind: "unknown" }): Asked =>
  state.kind === "unknown" ? { kind: "unknown", failure: UNKNOWN_JOB } : state;
const UNKNOWN_JOB = vendorFailure("unknown_job", "The vendor does not know the job.");
