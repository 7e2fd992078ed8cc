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

export function createSaid(): SaidMemory {
  const said = createJsonText();
  let hasReasoning = false;
  let isBeyondText = false;

  function giveUp(): void {
    isBeyondText = true;
    said.clear();
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
        else if (!said.add(event.text)) giveUp();
      }
    },
    addJson(like, view, start, end) {
      if (isBeyondText) return;
      if (like.type !== "text" || like.choice !== 0) noteOther(like);
      else if (!said.keep(view, start, end)) giveUp();
    },
    text: said.text,
    get hasReasoning() {
      return hasReasoning;
    },
    get isBeyondText() {
      return isBeyondText;
    },
  };
}
