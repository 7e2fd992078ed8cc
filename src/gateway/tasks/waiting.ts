import { SluiceError } from "../../core/errors.ts";
import type { Deadline, Deadlines } from "../deadlines.ts";

/** The task is another node's by now, or is left to one: nothing of it is to be touched any more. */
export class LetGo extends SluiceError {
  constructor() {
    super("request_cancelled", "The task goes on elsewhere.");
  }
}

/** A task's pauses, on the node's one timer: cut short by news, ended for good when the task is let go. */
export class Waiting implements Deadline {
  dueAt = 0;
  place = -1;
  readonly #abort = new AbortController();
  #resolve: (() => void) | undefined;
  #hasNews = false;

  constructor(readonly deadlines: Deadlines) {}

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get isStopped(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Resolves after `ms`, or sooner with news. Rejects with `LetGo` when there is nothing to wait for any more. */
  async pause(ms: number): Promise<void> {
    if (this.isStopped) throw new LetGo();
    if (!this.#hasNews) {
      this.dueAt = this.deadlines.clock.monotonic() + ms;
      this.deadlines.arm(this);
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
      });
    }
    this.#hasNews = false;
    if (this.isStopped) throw new LetGo();
  }

  wake(): void {
    this.#hasNews = true;
    this.deadlines.disarm(this);
    this.expire();
  }

  stop(): void {
    this.#abort.abort();
    this.wake();
  }

  expire(): void {
    this.#resolve?.();
    this.#resolve = undefined;
  }
}
