import type { GenerationEvent } from "../../core/generation.ts";
import type { Said } from "../adapter.ts";

/** Remembers what a stream says, so that another vendor can go on with it. */
export interface SaidMemory extends Said {
  /** One content frame by its events; a frame with none held something that nobody reads here. */
  addEvents(events: readonly GenerationEvent[]): void;
  /** Content that was recognised without being parsed: where its JSON text stands in UTF-8, without the quotes. */
  addJson(like: GenerationEvent, view: Buffer, start: number, end: number): void;
}

/** The longest beginning that is kept: a quarter of a million tokens, beyond which few could read it back. */
const SAID_BYTES = 1024 * 1024;

/** A short answer. Grows by doubling. */
const FIRST_BYTES = 512;

/** Pieces are kept as the JSON text that they came in: put one after the other, they are JSON text again. */
export function createSaid(): SaidMemory {
  let bytes = new Uint8Array(0);
  let length = 0;
  let hasReasoning = false;
  let isBeyondText = false;

  function giveUp(): void {
    isBeyondText = true;
    bytes = new Uint8Array(0);
    length = 0;
  }

  function keep(view: Buffer, start: number, end: number): void {
    const needed = length + end - start;
    if (needed > SAID_BYTES) {
      giveUp();
      return;
    }
    if (needed > bytes.length) {
      const grown = new Uint8Array(Math.min(SAID_BYTES, Math.max(FIRST_BYTES, needed, bytes.length * 2)));
      grown.set(bytes.subarray(0, length));
      bytes = grown;
    }
    view.copy(bytes, length, start, end);
    length = needed;
  }

  function noteOther(event: GenerationEvent): void {
    if (event.type === "reasoning" && event.choice === 0) hasReasoning = true;
    else giveUp();
  }

  return {
    addEvents(events) {
      if (events.length === 0) giveUp();
      for (const event of events) {
        if (isBeyondText) return;
        if (event.type !== "text" || event.choice !== 0) noteOther(event);
        else {
          const json = Buffer.from(JSON.stringify(event.text).slice(1, -1));
          keep(json, 0, json.length);
        }
      }
    },
    addJson(like, view, start, end) {
      if (isBeyondText) return;
      if (like.type === "text" && like.choice === 0) keep(view, start, end);
      else noteOther(like);
    },
    text() {
      const text: unknown = JSON.parse(`"${Buffer.from(bytes.subarray(0, length)).toString("utf8")}"`);
      return String(text);
    },
    get hasReasoning() {
      return hasReasoning;
    },
    get isBeyondText() {
      return isBeyondText;
    },
  };
}
