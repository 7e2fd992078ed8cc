import type { GenerationEvent } from "../../core/generation.ts";
import type { Said } from "../adapter.ts";
import { createJsonText } from "./json-text.ts";

/** Remembers what a stream says, so that another vendor can go on with it. */
export interface SaidMemory extends Said {
  /** One content frame by its events; a frame with none held something that nobody reads here. */
  addEvents(events: readonly GenerationEvent[]): void;
  /** Content that was recognised without being parsed: where its JSON text stands in UTF-8, without the quotes. */
  addJson(like: GenerationEvent, view: Buffer, start: number, end: number): void;
}

export const createSaid = (): SaidMemory => new Memory();

class Memory implements SaidMemory {
  hasReasoning = false;
  isBeyondText = false;
  readonly #said = createJsonText();

  addEvents(events: readonly GenerationEvent[]): void {
    if (events.length === 0) this.#giveUp();
    for (const event of events) {
      if (this.isBeyondText) return;
      if (event.type !== "text" || event.choice !== 0) this.#noteOther(event);
      else if (!this.#said.add(event.text)) this.#giveUp();
    }
  }

  addJson(like: GenerationEvent, view: Buffer, start: number, end: number): void {
    if (this.isBeyondText) return;
    if (like.type !== "text" || like.choice !== 0) this.#noteOther(like);
    else if (!this.#said.keep(view, start, end)) this.#giveUp();
  }

  text(): string {
    return this.#said.text();
  }

  #noteOther(event: GenerationEvent): void {
    if (event.type === "reasoning" && event.choice === 0) this.hasReasoning = true;
    else this.#giveUp();
  }

  #giveUp(): void {
    this.isBeyondText = true;
    this.#said.clear();
  }
}
