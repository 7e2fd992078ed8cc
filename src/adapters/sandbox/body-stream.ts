import type { CallSignal } from "../../core/call-signal.ts";
import type { Clock } from "../../core/clock.ts";
import type { Pacer } from "./pacer.ts";
import type { Step } from "./script.ts";

/** Tokens in one read when there is no pace. */
const UNPACED_TOKENS = 8;
/** And at most this many when a slow reader lets them pile up. */
const MAX_TOKENS_A_READ = 256;

export interface Pace {
  readonly firstTokenMs: number;
  /** 0: as fast as it is read. */
  readonly tokensPerSecond: number;
}

/** A response body that plays a script at a pace. Nothing of it is left running once it was cancelled or aborted. */
export function bodyStream(
  script: Iterator<Step, void>,
  pace: Pace,
  signal: CallSignal,
  { clock, pacer }: { readonly clock: Clock; readonly pacer: Pacer },
): ReadableStream<Uint8Array> {
  let stop = (): void => {};
  let isOver = false;
  let isReady = pace.firstTokenMs === 0;
  /** The step that did not fit into the last read. */
  let pending: Step | undefined;

  /** Sends up to `tokens` tokens in one read; answers true when the script is over. */
  function send(controller: ReadableStreamDefaultController<Uint8Array>, tokens: number): boolean {
    let text = "";
    let left = tokens;
    for (;;) {
      const step = pending ?? (script.next().value || undefined);
      pending = undefined;
      if (step?.kind === "reset" && text !== "") {
        // An error throws away what was not read yet, so what stands before it leaves first.
        pending = step;
        break;
      }
      if (step === undefined || !("frame" in step)) {
        // Said before the last bytes leave: whoever waits for them pulls again at once, from within `enqueue`.
        isOver = true;
        if (text !== "") controller.enqueue(Buffer.from(text));
        if (step?.kind === "reset") controller.error(new Error("The connection was reset."));
        else if (step?.kind !== "stall") controller.close();
        return true;
      }
      if (step.kind === "token" && left === 0) {
        pending = step;
        break;
      }
      if (step.kind === "token") left -= 1;
      text += step.frame;
    }
    if (text !== "") controller.enqueue(Buffer.from(text));
    return false;
  }

  return new ReadableStream<Uint8Array>({
    start(controller) {
      const abort = (): void => {
        stop();
        controller.error(signal.reason);
      };
      signal.addEventListener("abort", abort, { once: true });
      if (pace.tokensPerSecond === 0) {
        if (isReady) return;
        stop = clock.after(pace.firstTokenMs, () => {
          isReady = true;
          send(controller, UNPACED_TOKENS);
        });
        return;
      }
      const startedAt = clock.monotonic();
      let sent = 0;
      stop = pacer.run((now) => {
        const due = tokensDue(now - startedAt, pace) - sent;
        if (due <= 0 || (controller.desiredSize ?? 0) <= 0) return false;
        const tokens = Math.min(due, MAX_TOKENS_A_READ);
        sent += tokens;
        return send(controller, tokens);
      });
    },
    pull(controller) {
      if (pace.tokensPerSecond === 0 && isReady && !isOver) send(controller, UNPACED_TOKENS);
    },
    cancel() {
      stop();
    },
  });
}

/** How many tokens should have left `elapsedMs` after the call. */
function tokensDue(elapsedMs: number, pace: Pace): number {
  if (elapsedMs < pace.firstTokenMs) return 0;
  return Math.floor(((elapsedMs - pace.firstTokenMs) * pace.tokensPerSecond) / 1_000) + 1;
}
