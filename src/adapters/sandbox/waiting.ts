import type { CallSignal } from "../../core/call-signal.ts";
import type { Clock } from "../../core/clock.ts";

/** Waits, unless the call is aborted meanwhile: then rejects with the signal's reason. */
export function pause(clock: Clock, ms: number, signal: CallSignal): Promise<void> {
  if (ms <= 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, resolve);
    const abort = (): void => {
      cancel();
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
  });
}

/** Never answers; rejects when the call is aborted. */
export function untilAborted(signal: CallSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
