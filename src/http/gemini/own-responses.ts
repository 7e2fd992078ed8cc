import type { JsonObject } from "../../core/generation.ts";
import { MAX_FRAME_BYTES } from "../../core/limits.ts";
import { listIn, objectIn } from "../openai/responses/chat-pieces.ts";
import { chunksIn } from "../openai/responses/chunk-pieces.ts";
import type { ResponseNames } from "./content-response.ts";

/**
 * In every response that ends a candidate or refuses a prompt, or names that in escapes; a text may hold them too, which
 * is then read for nothing.
 */
const MARKS = [Buffer.from("finishReason"), Buffer.from("blockReason"), Buffer.from("\\u")];

const FRAME_END = /\r?\n\r?\n/g;

/**
 * A vendor's own responses on their way to a client. Those that end the answer wait until it is known that it ended well:
 * in this dialect they are the end.
 */
export class OwnResponses {
  readonly #finished = new Set<number>();
  readonly #held: Uint8Array[] = [];
  #heldBytes = 0;
  #hasBegun = false;
  #hasEnded = false;
  #names: ResponseNames | undefined;

  /** @param choices how many candidates were asked for */
  constructor(readonly choices: number) {}

  /** As the vendor names its answer, which it does from the beginning; undefined where it does not. */
  get names(): ResponseNames | undefined {
    return this.#names;
  }

  /**
   * What goes out at once; undefined: nothing.
   * @param frames whole ones
   */
  pass(frames: Uint8Array): Uint8Array | undefined {
    if (this.#hasEnded) {
      this.#hold(frames);
      return undefined;
    }
    const bytes = Buffer.from(frames.buffer, frames.byteOffset, frames.byteLength);
    if (!this.#hasBegun) this.#names = namesIn(bytes);
    this.#hasBegun = true;
    if (!MARKS.some((mark) => bytes.includes(mark))) return frames;
    const end = this.#endIn(bytes);
    this.#hold(frames.subarray(end));
    return end === 0 ? undefined : frames.subarray(0, end);
  }

  /** The responses that waited, as they came. */
  end(): Uint8Array {
    return Buffer.concat(this.#held);
  }

  /** What they said, without the end. */
  said(): string {
    return chunksIn(Buffer.from(this.end()).toString("utf8"))
      .map(withoutEnd)
      .filter((frame) => frame !== "")
      .join("");
  }

  /** Behind the end there is at most a count: more is nobody's. */
  #hold(frames: Uint8Array): void {
    if (this.#heldBytes > 0 && this.#heldBytes + frames.byteLength > MAX_FRAME_BYTES) return;
    this.#heldBytes += frames.byteLength;
    // The reader's buffer is used again.
    if (frames.byteLength > 0) this.#held.push(Uint8Array.from(frames));
  }

  /** Where the frame begins with which every candidate has ended; the length where none does. */
  #endIn(bytes: Buffer): number {
    // Places in it are places in the bytes.
    const text = bytes.toString("latin1");
    let start = 0;
    for (const { index, 0: gap } of text.matchAll(FRAME_END)) {
      const next = index + gap.length;
      for (const response of chunksIn(bytes.toString("utf8", start, next))) this.#note(response);
      if (this.#finished.size >= this.choices) {
        this.#hasEnded = true;
        return start;
      }
      start = next;
    }
    return bytes.length;
  }

  #note({ candidates, promptFeedback }: JsonObject): void {
    for (const candidate of listIn(candidates)) {
      const { finishReason, index } = objectIn(candidate) ?? {};
      if (typeof finishReason !== "string" || !isEnd(finishReason)) continue;
      // As the adapter reads it: what is no number is the only one there is.
      const at = Number.isFinite(index) ? Number(index) : 0;
      // One that nobody asked for ends nothing.
      if (Number.isInteger(at) && at >= 0 && at < this.choices) this.#finished.add(at);
    }
    if (objectIn(promptFeedback)?.blockReason === undefined) return;
    for (let at = 0; at < this.choices; at += 1) this.#finished.add(at);
  }
}

const isEnd = (reason: string): boolean => reason !== "" && reason !== "FINISH_REASON_UNSPECIFIED";

function namesIn(frames: Buffer): ResponseNames | undefined {
  for (const { responseId, modelVersion } of chunksIn(frames.toString("utf8"))) {
    if (typeof responseId === "string" && typeof modelVersion === "string")
      return { responseId, modelVersion };
  }
  return undefined;
}

function withoutEnd({ candidates, promptFeedback: _, ...rest }: JsonObject): string {
  const said = listIn(candidates).flatMap((candidate) => {
    const { finishReason: _reason, finishMessage: _message, ...own } = objectIn(candidate) ?? {};
    return listIn(objectIn(own.content)?.parts).length === 0 ? [] : [own];
  });
  return said.length === 0 ? "" : `data: ${JSON.stringify({ candidates: said, ...rest })}\n\n`;
}
