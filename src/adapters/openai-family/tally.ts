import type { GenerationEvent } from "../../core/generation.ts";
import type { Delivered } from "../adapter.ts";

/** Counts what a stream has delivered. */
export interface Tally {
  readonly delivered: Delivered;
  /** What had been delivered when usage was told last, the same frame included. */
  readonly atUsage: Delivered | undefined;
  /** Usage was told. */
  markUsage(): void;
  /** One content frame by its events. */
  addEvents(events: readonly GenerationEvent[]): void;
  /** One content frame that was recognised without being parsed. */
  addChars(chars: number, isReasoning: boolean): void;
}

export const createTally = (): Tally => new Count();

class Count implements Tally {
  readonly delivered = { frames: 0, chars: 0, reasoningChars: 0 };
  atUsage: Delivered | undefined;

  markUsage(): void {
    this.atUsage = { ...this.delivered };
  }

  addEvents(events: readonly GenerationEvent[]): void {
    const { delivered } = this;
    delivered.frames += 1;
    for (const event of events) {
      if (event.type === "reasoning") delivered.reasoningChars += event.text.length;
      else delivered.chars += visibleChars(event);
    }
  }

  addChars(chars: number, isReasoning: boolean): void {
    const { delivered } = this;
    delivered.frames += 1;
    if (isReasoning) delivered.reasoningChars += chars;
    else delivered.chars += chars;
  }
}

/** UTF-16 units of an event that a client sees as the answer. */
function visibleChars(event: GenerationEvent): number {
  switch (event.type) {
    case "text":
    case "refusal":
      return event.text.length;
    case "toolCall":
      return event.arguments.length + (event.name?.length ?? 0);
    default:
      return 0;
  }
}
