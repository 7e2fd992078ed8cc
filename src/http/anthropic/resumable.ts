import type { DoneEntry, StreamAbout, ToldAs } from "../../gateway/streams/entry.ts";
import { chargeComment } from "../openai/stream-end.ts";
import type { Teller } from "../told-whole.ts";
import { eventFrame, lastEvent } from "./frames.ts";
import { type MessageEvent, MessageEvents } from "./message-events.ts";
import { namesOf } from "./names.ts";

/** A stream that readers on any node are told as a message: all that takes is in the stream itself. */
export const TOLD_AS_MESSAGE: ToldAs = { dialect: "anthropic", about: {} };

/** A resumable stream as the events of a message. @param after the number of the last event that its reader has */
export function messageTeller(about: StreamAbout, after: number): Teller {
  let shownFrom = after;
  let number = 0;
  let frames = "";
  const emit = (event: MessageEvent): void => {
    number += 1;
    if (number > shownFrom) frames += `id: ${number}\n${eventFrame(event)}`;
  };
  const taken = (): string => {
    const told = frames;
    frames = "";
    return told;
  };
  const names = namesOf(about);
  const events = new MessageEvents(emit, names.suffix);
  return {
    begin() {
      events.begin(names);
      return taken();
    },
    write(pieces) {
      for (const piece of pieces) events.write(piece);
      return taken();
    },
    end({ final }: DoneEntry) {
      if (final.error === undefined) events.finish(final);
      const rest = taken();
      // The end is told once more to whoever has had it.
      shownFrom = Math.min(shownFrom, number);
      emit(lastEvent(final, about.requestId));
      const last = taken();
      return final.error === undefined
        ? rest + chargeComment(final) + last
        : rest + last + chargeComment(final);
    },
    get lastId() {
      return number;
    },
  };
}
