import type { Delivered, Passage, Said, StreamMode, StreamReader } from "../adapters/adapter.ts";
import type { FinishReason, GenerationRequest } from "../core/generation.ts";
import { MAX_FRAME_BYTES } from "../core/limits.ts";
import { NOT_YET, type NotYet, type Pollable } from "../core/poll.ts";
import { promptOf, type Usage } from "../core/usage.ts";
import type { VendorFailure } from "../core/vendor-failure.ts";
import type { VendorResponse } from "../core/vendor-response.ts";
import type { Attempt } from "./attempt.ts";
import { isBelievable } from "./believed-usage.ts";
import { NOTHING_DELIVERED } from "./meter.ts";
import { BY_CLIENT, CUT_OFF, MARKED, type StreamEnd } from "./outcome.ts";

/** How long the rest of a body is read after the end marker, so that its connection can be used again. */
const TAIL_MS = 1_000;

/** One vendor's answer as it streams in: passages out, and what metering needs picked up on the way. */
export class VendorStream implements Pollable<Passage | null> {
  /** What the vendor told last that can be meant. */
  usage: Usage | undefined;
  finishReason: FinishReason | null = null;
  end: StreamEnd | undefined;
  /** Generated content was seen: from here on nobody else can serve instead. */
  hasContent = false;
  /** What is kept of it until its first content, in bytes. */
  #unsaidBytes = 0;
  /** What had been delivered when the vendor told its usage last. */
  #atUsage: Delivered | undefined;
  readonly #parser: StreamReader;

  constructor(
    readonly attempt: Attempt,
    readonly response: Pick<VendorResponse, "poll" | "whenReady" | "cancel">,
    readonly request: GenerationRequest,
    mode: StreamMode,
    remembers = false,
  ) {
    this.#parser = attempt.route.adapter.openStream(request, mode, attempt.key.secret, remembers);
  }

  get delivered(): Delivered {
    return this.#parser.delivered;
  }

  /** What was said so far; undefined where nobody was asked to remember it, or cannot. */
  get said(): Said | undefined {
    return this.#parser.said;
  }

  /** What came after the vendor told its usage: some tell it again and again as the answer grows. */
  get deliveredSinceUsage(): Delivered {
    const before = this.#atUsage;
    const { frames, chars, reasoningChars } = this.delivered;
    if (before === undefined || before.frames === frames) return NOTHING_DELIVERED;
    return {
      frames: frames - before.frames,
      chars: chars - before.chars,
      reasoningChars: reasoningChars - before.reasoningChars,
    };
  }

  /** The next network read's passage; null once `end` is set. Never throws. */
  poll(): Passage | null | NotYet {
    if (this.end !== undefined) return null;
    let next: Uint8Array | null | NotYet;
    try {
      next = this.response.poll();
    } catch (thrown) {
      return this.#broke(thrown);
    }
    if (next !== NOT_YET) return this.#take(next);
    this.attempt.awaitVendor(this.hasContent);
    return NOT_YET;
  }

  whenReady(run: () => void): void {
    this.response.whenReady(run);
  }

  #take(chunk: Uint8Array | null): Passage | null {
    // The client may have gone while the read was on its way: what arrives now is nobody's.
    if (this.attempt.endedBy !== undefined) return this.#broke(undefined);
    let passage: Passage;
    try {
      passage = chunk === null ? this.#parser.close() : this.#parser.push(chunk);
    } catch (thrown) {
      this.#finish({ by: "failure", failure: unreadable(thrown) });
      return null;
    }
    this.#note(passage);
    if (chunk === null) this.#finish(CUT_OFF);
    else if (!this.hasContent) this.#countUnsaid(passage, chunk);
    else if (this.end === undefined) this.attempt.awaitReader();
    return passage;
  }

  /** Stops the vendor. */
  cancel(): void {
    this.attempt.end("client");
    this.#finish(BY_CLIENT);
  }

  /** What comes before any content is kept for who may read it: a vendor that sends much and says nothing is given up. */
  #countUnsaid(passage: Passage, chunk: Uint8Array): void {
    if (passage.bytes !== undefined) this.#unsaidBytes += passage.bytes.byteLength;
    else if (passage.events.length > 0) this.#unsaidBytes += chunk.byteLength;
    if (this.#unsaidBytes <= MAX_FRAME_BYTES) return;
    this.#finish({ by: "failure", failure: emptyAnswer("sent no content among all that it sent") });
  }

  #note(passage: Passage): void {
    if (passage.hasContent) this.hasContent = true;
    for (const event of passage.events) {
      if (event.type === "usage") {
        this.#noteUsage(event.usage);
      } else if (event.type === "finish") this.finishReason = event.reason;
      else if (event.type === "failure") this.#finish({ by: "failure", failure: event.failure });
      else if (event.type === "end") this.#finish(MARKED);
    }
  }

  /** After a word that is not believed, of what was told before only the prompt stands: output is what was delivered. */
  #noteUsage(told: Usage): void {
    const { route, cappedOutputTokens } = this.attempt;
    if (isBelievable(route, this.request, told, this.delivered, cappedOutputTokens)) {
      this.usage = told;
      this.#atUsage = this.#parser.deliveredAtUsage ?? { ...this.delivered };
    } else if (this.usage !== undefined) {
      this.usage = promptOf(this.usage);
      this.#atUsage = NOTHING_DELIVERED;
    }
  }

  #broke(thrown: unknown): null {
    this.#finish(this.#reasonOf(thrown));
    return null;
  }

  #reasonOf(thrown: unknown): StreamEnd {
    const { endedBy } = this.attempt;
    if (endedBy === "client") return BY_CLIENT;
    return endedBy === undefined ? CUT_OFF : { by: "clock", failure: this.attempt.failureOf(thrown) };
  }

  /** The first reason stays. */
  #finish(end: StreamEnd): void {
    if (this.end !== undefined) return;
    this.end = end;
    if (end.by === "marker") {
      this.attempt.awaitTail(TAIL_MS);
      this.#readTail();
      return;
    }
    this.attempt.abandon();
    this.response.cancel();
  }

  #readTail(): void {
    try {
      for (;;) {
        const next = this.response.poll();
        if (next === NOT_YET) {
          this.response.whenReady(() => this.#readTail());
          return;
        }
        if (next === null) break;
      }
    } catch (thrown) {
      ignoreAborted(thrown);
    }
    this.attempt.close();
  }
}

/** The failure of a stream that produced nothing a client could see, so that the next candidate may try. */
export function failureBeforeContent(stream: VendorStream): VendorFailure | undefined {
  const { end } = stream;
  if (end === undefined || stream.hasContent) return undefined;
  switch (end.by) {
    case "clock":
    case "failure":
      return end.failure;
    case "cut":
      return emptyAnswer("closed the stream before any content");
    case "marker":
      return stream.finishReason === null ? emptyAnswer("ended the stream without any content") : undefined;
    case "client":
    case "node":
      return undefined;
  }
}

/** An adapter never throws; should one do, its stream fails, and nothing else. */
function unreadable(thrown: unknown): VendorFailure {
  const vendorCode = thrown instanceof Error ? thrown.name : "unreadable";
  const message = "The vendor's stream could not be read.";
  return { fault: "vendor", code: "vendor_unavailable", status: 200, vendorCode, message };
}

function emptyAnswer(what: string): VendorFailure {
  return {
    fault: "vendor",
    code: "vendor_unavailable",
    status: 200,
    vendorCode: "empty_answer",
    message: `The vendor ${what}.`,
  };
}

/** An aborted body throws when it is read; that is what was asked for. */
function ignoreAborted(_thrown: unknown): void {}
