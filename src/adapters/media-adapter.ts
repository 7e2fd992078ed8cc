import type { CallSignal } from "../core/call-signal.ts";
import type { AdapterName } from "../core/catalog.ts";
import type { JsonObject } from "../core/generation.ts";
import type { MediaOperation, MediaRequest, MediaResult } from "../core/media.ts";
import type { VendorFailure } from "../core/vendor-failure.ts";
import type { Adapter, Target } from "./adapter.ts";

/**
 * A vendor of pictures, as pure translation: a job's submission out, its state in, errors classified. No money, no
 * limits, no retries, no I/O. Vendors that answer at once and vendors that are asked again until they are done are
 * the same here: the former's first answer is a result.
 */
export interface MediaAdapter {
  readonly name: AdapterName;
  /** Without a trailing slash; absent where the operator must give one. */
  readonly defaultBaseUrl?: string;
  readonly operations: ReadonlySet<MediaOperation>;
  /** Replaces the network for addresses of its own scheme: only for a vendor that lives inside the process. */
  readonly transport?: MediaTransport;
  /**
   * How pictures to work from must come, where only one way will do: the others are fetched, or put where the vendor
   * can fetch them, before `submit` sees the request. Absent: both. A function where it depends on what is asked for.
   */
  readonly takes?:
    | PictureForm
    | ((request: AskedPicture, target: Pick<Target, "model">) => PictureForm | undefined);
  /**
   * Whether a submission of which nobody knows whether it arrived may be sent again. `safe`: it would be the same job,
   * or costs nothing. `never`: it could be paid twice.
   */
  readonly resubmission: "safe" | "never";
  /**
   * How many pictures one call makes at most; more are asked for in several calls, each of which must answer with what it
   * made. Absent or undefined: as many as are asked for, or `submit` says that it cannot.
   */
  picturesACall?(request: MediaRequest, target: Pick<Target, "model">): number | undefined;
  /** The call that submits the job. Throws SluiceError for what cannot be expressed. `mark` names the job at vendors that keep a word of ours. */
  submit(request: MediaRequest, target: MediaTarget, mark: string): MediaCall;
  /** Reads an answer to `submit`, of any status. Never throws: what is not an answer is a failure. */
  readSubmitted(request: MediaRequest, answer: MediaAnswer): JobState;
  /** The call that asks how a job is doing; absent: every answer to `submit` is final. */
  poll?(job: RunningJob, target: Target): MediaCall;
  /** `unknown`: the vendor says that it has no such job. */
  readPolled?(job: RunningJob, answer: MediaAnswer): JobState | { readonly kind: "unknown" };
  /** Looks a job up by its mark after a submission whose answer was lost; answers like `poll`. */
  find?(mark: string, target: Target): MediaCall;
  /** A state without `jobId` found: the vendor never had it, and it may be submitted. */
  readFound?(
    mark: string,
    answer: MediaAnswer,
    request: Pick<MediaRequest, "options" | "count" | "prompt" | "negativePrompt">,
  ): JobState | { readonly kind: "unknown" };
  /** The call that cancels; absent: the vendor cannot, the job runs on and its result is dropped. */
  cancel?(job: RunningJob, target: Target): MediaCall;
  /** Whether the vendor took the job back; absent: any 2xx says so. */
  readCancelled?(answer: MediaAnswer): boolean;
  /** A vendor that tells by itself when a job has moved. */
  readonly hook?: VendorHook;
}

export type PictureForm = "bytes" | "url";

/** What is known of a request before its pictures are brought into their form. */
export type AskedPicture = Pick<MediaRequest, "operation" | "prompt" | "options">;

/** Where a job is submitted, and where the vendor can tell of it: absent where nobody outside reaches this gateway. */
export interface MediaTarget extends Target {
  readonly hookUrl?: string;
}

/** One HTTP call. A form is written as multipart by the network. */
export interface MediaCall {
  readonly method: "POST" | "GET" | "DELETE";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | FormData;
  /** Fields of the request that this vendor cannot take. Shown as `x-sluice-dropped`. */
  readonly dropped?: readonly string[];
}

export type MediaTransport = (call: MediaCall, signal: CallSignal) => Promise<Response>;

/** What came back: read whole, and bounded. */
export interface MediaAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
  /** The key that was used, so that it can be scrubbed out of an error. */
  readonly secret: string;
}

/** A job that a vendor has taken. What is in it is kept with the task and must be enough for another node to go on. */
export interface RunningJob {
  readonly jobId: string;
  /** What else the vendor needs to be asked about it (a result URL, an endpoint). Plain JSON, no secrets. */
  readonly memo?: JsonObject;
}

export type JobState =
  | {
      readonly kind: "running";
      readonly job: RunningJob;
      /** 0 to 1; absent: the vendor does not say. */
      readonly progress?: number;
      /** When it may be asked next, in milliseconds: the vendor's own pace. */
      readonly askAgainMs: number;
    }
  | { readonly kind: "done"; readonly result: MediaResult; readonly job?: RunningJob }
  /** `mayHaveRun`: it could be charged by the vendor all the same (an answer that was lost or cannot be read). */
  | { readonly kind: "failed"; readonly failure: VendorFailure; readonly mayHaveRun?: boolean }
  | { readonly kind: "cancelled" };

/** Messages of a vendor about its jobs. */
export interface VendorHook {
  /** Its messages are unsigned: `hookUrl` holds the secret, each job is submitted with it. */
  readonly inPath?: true;
  /**
   * Checks and reads one. Undefined: not the vendor's, or not to be trusted; nothing is done then. Where the vendor
   * does not sign (midjourney-proxy), the secret stands in the path (`inPath`), and the message is a mere hint.
   */
  read(message: HookMessage): HookNews | undefined;
}

export interface HookMessage {
  readonly headers: Headers;
  readonly body: Uint8Array;
  /** As configured for this vendor; absent: the vendor's messages are refused. */
  readonly secret: string | undefined;
}

export interface HookNews {
  readonly jobId: string;
  /** Absent: the vendor is to be asked. */
  readonly state?: JobState;
}

/** What can be asked of one kind of vendor: text, pictures, or both. */
export interface VendorAdapters {
  readonly text?: Adapter;
  readonly media?: MediaAdapter;
}
