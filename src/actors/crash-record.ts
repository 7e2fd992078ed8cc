import type { Clock } from "../core/clock.ts";
import { CRASH_WINDOW_MS, LOAD_RETRY_MOST_MS, LOAD_RETRY_MS, MAX_CRASHES, QUARANTINE_MS } from "./limits.ts";

/** Counts what goes wrong with one actor, and says how long it has to rest. */
export class CrashRecord {
  #total = 0;
  #lastError: string | undefined;
  /** Monotonic times within the window, at most MAX_CRASHES. */
  readonly #recent: number[] = [];
  #quarantinedUntil = 0;
  #failedLoads = 0;
  #loadNotBefore = 0;

  constructor(readonly clock: Clock) {}

  get total(): number {
    return this.#total;
  }

  get lastError(): string | undefined {
    return this.#lastError;
  }

  get quarantinedForMs(): number {
    return Math.max(0, this.#quarantinedUntil - this.clock.monotonic());
  }

  /** True when nothing of it matters any more. */
  get isForgotten(): boolean {
    const last = this.#recent.at(-1);
    return (
      this.quarantinedForMs === 0 && (last === undefined || this.clock.monotonic() - last > CRASH_WINDOW_MS)
    );
  }

  /** How long no load may be tried. */
  get loadPauseMs(): number {
    return Math.max(0, this.#loadNotBefore - this.clock.monotonic());
  }

  /** Counts a load that failed; answers the pause before the next. Never leads to quarantine: what is away may come back any time. */
  loadFailed(thrown: unknown): number {
    const pauseMs = Math.min(LOAD_RETRY_MS * 2 ** this.#failedLoads, LOAD_RETRY_MOST_MS);
    this.#failedLoads += 1;
    this.#loadNotBefore = this.clock.monotonic() + pauseMs;
    this.#lastError = messageOf(thrown);
    return pauseMs;
  }

  loaded(): void {
    this.#failedLoads = 0;
  }

  /** Counts a crash; true when it was one too many. */
  crashed(thrown: unknown): boolean {
    const now = this.clock.monotonic();
    this.#lastError = messageOf(thrown);
    this.#total += 1;
    this.#recent.push(now);
    while (now - (this.#recent[0] ?? now) > CRASH_WINDOW_MS) this.#recent.shift();
    if (this.#recent.length < MAX_CRASHES) return false;
    this.#recent.length = 0;
    this.#quarantinedUntil = now + QUARANTINE_MS;
    return true;
  }
}

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));
