import type { Passage } from "../../adapters/adapter.ts";
import type { Cancel } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import type { GenerationEvent, Outcome } from "../../core/generation.ts";
import { requestId, streamId, vendorId } from "../../core/ids.ts";
import { micropointsOf } from "../../core/points.ts";
import { NOT_YET, type NotYet } from "../../core/poll.ts";
import { NO_USAGE } from "../../core/usage.ts";
import type { Final, StreamGeneration } from "../gateway.ts";

/** A generation that says what a test tells it to, when it tells it to. */
export class ScriptedGeneration implements StreamGeneration {
  readonly kind = "stream";
  readonly streamId;
  readonly started;
  final: Final | undefined;
  /** Passages handed out so far: how far the reader has pulled. */
  pulled = 0;
  isCancelled = false;
  readonly #passages: Passage[] = [];
  #ending: Final | undefined;
  #waiting: (() => void) | undefined;

  constructor(name: string) {
    this.streamId = streamId(`str_${name}`);
    this.started = {
      requestId: requestId(`req_${name}`),
      vendor: vendorId("scripted"),
      vendorModel: "scripted-chat",
      attempts: 1,
    };
  }

  /** One passage with these events. */
  tell(...events: GenerationEvent[]): this {
    this.#passages.push({ events, hasContent: true });
    this.#wake();
    return this;
  }

  /** One passage for each text, of choice 0. */
  say(...texts: string[]): this {
    for (const text of texts) this.tell({ type: "text", choice: 0, text });
    return this;
  }

  /** Ends after what was told; `completed` with `stop` unless said otherwise. */
  end(outcome: Outcome = "completed", error?: SluiceError): this {
    if (outcome === "completed") this.tell({ type: "finish", choice: 0, reason: "stop" }, { type: "end" });
    this.#ending = finalOf(outcome, error);
    this.#wake();
    return this;
  }

  poll(): Passage | null | NotYet {
    const passage = this.isCancelled ? undefined : this.#passages.shift();
    if (passage !== undefined) {
      this.pulled += 1;
      return passage;
    }
    if (this.#ending === undefined) return NOT_YET;
    this.final = this.#ending;
    return null;
  }

  whenReady(run: () => void): void {
    this.#waiting = run;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }

  /** Its reader is behind: called, it is taken for gone. Undefined while it reads. */
  stalled: (() => void) | undefined;

  whenStalled(run: () => void): Cancel {
    this.stalled = run;
    return () => {
      this.stalled = undefined;
    };
  }

  cancel(): void {
    if (this.isCancelled) return;
    this.isCancelled = true;
    this.#ending = finalOf(
      "cancelled",
      new SluiceError("request_cancelled", "The generation was cancelled."),
    );
    this.#wake();
  }
}

function finalOf(outcome: Outcome, error?: SluiceError): Final {
  return {
    outcome,
    finishReason: outcome === "completed" ? "stop" : null,
    usage: { ...NO_USAGE, input: 7, cachedInput: 2, output: 5, reasoning: 1 },
    cost: micropointsOf(1_250n),
    vendor: vendorId("scripted"),
    ...(error === undefined ? {} : { error }),
  };
}
