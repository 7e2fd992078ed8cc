import { CallAbort } from "../core/call-signal.ts";
import type { LiveStream, StreamCursor } from "../gateway/streams/live-stream.ts";
import { MOST_CREDIT } from "./protocol.ts";

/** One generation as this socket's client sees it: its flow control, and the wish to stop it. */
export class Run {
  /** Stops a generation that has not begun to stream. */
  readonly abort = new CallAbort();
  stream: LiveStream | undefined;
  cursor: StreamCursor | undefined;
  isCancelled = false;
  /** Deltas that may be sent; undefined: the client asked for no flow control. */
  #credit: number | undefined;
  #onCredit: (() => void) | undefined;

  constructor(
    readonly id: string,
    credit: number | undefined,
  ) {
    this.#credit = credit;
  }

  /** Bytes that wait for the socket. What waits for credit does not count: the client said so. */
  get backlog(): number {
    return this.#credit === undefined ? (this.cursor?.backlog ?? 0) : 0;
  }

  /** Takes one delta's worth, waiting until there is any; false when the client has cancelled or left instead. */
  takeCredit(): boolean | Promise<boolean> {
    if (this.#credit === undefined) return true;
    if (this.#credit === 0) return this.#takeLater();
    this.#credit -= 1;
    return true;
  }

  async #takeLater(): Promise<boolean> {
    while (this.#credit === 0) {
      if (this.isCancelled) return false;
      await new Promise<void>((resolve) => {
        this.#onCredit = resolve;
      });
    }
    return this.takeCredit();
  }

  /** False when the run was begun without flow control. */
  addCredit(events: number): boolean {
    if (this.#credit === undefined) return false;
    this.#credit = Math.min(this.#credit + events, MOST_CREDIT);
    this.#onCredit?.();
    return true;
  }

  /** Stops the generation, upstream too. */
  async cancel(): Promise<void> {
    this.#giveUp();
    await this.stream?.cancel();
  }

  /** The client has left: a running stream goes on for its detach time, one not yet known to the client ends. */
  leave(): void {
    this.#giveUp();
    this.cursor?.close();
  }

  #giveUp(): void {
    this.isCancelled = true;
    if (this.stream === undefined) this.abort.abort();
    this.#onCredit?.();
  }
}
