import type { MediaAdapter, MediaAnswer, MediaCall, MediaTransport } from "../../adapters/media-adapter.ts";
import { CallAbort, type CallSignal } from "../../core/call-signal.ts";
import { MAX_ANSWER_BYTES } from "../../core/limits.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import { vendorResponseOf } from "../../core/vendor-response.ts";
import type { Deadline, Deadlines } from "../deadlines.ts";

/** What came of one call: an answer of any status, or none, and then whether the vendor may have had the call. */
export type Exchanged =
  | { readonly ok: true; readonly answer: MediaAnswer }
  | { readonly ok: false; readonly failure: VendorFailure; readonly mayHaveArrived: boolean };

/** With these the vendor cannot have had a byte of the call. */
const NEVER_ARRIVED = new Set([
  "ConnectionRefused",
  "ECONNREFUSED",
  "FailedToOpenSocket",
  "ENOTFOUND",
  "DNSResolutionFailed",
  "EAI_AGAIN",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
]);

/** Whoever an address belongs to: the adapter's own scheme stays inside the process. */
export const transportFor = (
  adapter: MediaAdapter,
  network: MediaTransport,
  { url }: MediaCall,
): MediaTransport => (adapter.transport !== undefined && !/^https?:/.test(url) ? adapter.transport : network);

/** Sends one call and reads its whole answer, bounded. Never throws. */
export async function exchange(
  transport: MediaTransport,
  call: MediaCall,
  secret: string,
  signal: CallSignal,
): Promise<Exchanged> {
  try {
    const response = vendorResponseOf(await transport(call, signal));
    const body = await response.bytes(MAX_ANSWER_BYTES);
    if (body === undefined) return lost("answer_too_large", "The vendor's answer is too large.");
    return { ok: true, answer: { status: response.status, headers: response.headers, body, secret } };
  } catch (thrown) {
    const code = codeOf(thrown);
    if (NEVER_ARRIVED.has(code)) {
      return { ...lost(code, "The connection to the vendor failed."), mayHaveArrived: false };
    }
    return signal.aborted
      ? lost("timeout", "The vendor did not answer in time.", "vendor_timeout")
      : lost(code, "The connection to the vendor failed.");
  }
}

function lost(
  vendorCode: string,
  message: string,
  code: VendorFailure["code"] = "vendor_unavailable",
): Exchanged & { readonly ok: false } {
  return {
    ok: false,
    failure: { fault: "vendor", code, status: 0, vendorCode, message },
    mayHaveArrived: true,
  };
}

/** A signal that is aborted when its time is over, on the node's one timer, or when the outer one is. */
export class CallLimit implements Deadline {
  readonly #abort = new CallAbort();
  readonly #follow = () => this.#abort.abort();
  dueAt: number;
  place = -1;

  constructor(
    readonly deadlines: Deadlines,
    ms: number,
    readonly outer: CallSignal,
  ) {
    this.dueAt = deadlines.clock.monotonic() + ms;
    deadlines.arm(this);
    outer.addEventListener("abort", this.#follow, { once: true });
    if (outer.aborted) this.#follow();
  }

  get signal(): CallSignal {
    return this.#abort;
  }

  expire(): void {
    this.#abort.abort();
  }

  close(): void {
    this.deadlines.disarm(this);
    this.outer.removeEventListener("abort", this.#follow);
  }
}

function codeOf(thrown: unknown): string {
  if (typeof thrown !== "object" || thrown === null) return "unknown";
  const { code, name } = thrown as { code?: unknown; name?: unknown }; // only read, and checked below
  if (typeof code === "string") return code;
  return typeof name === "string" ? name : "unknown";
}
