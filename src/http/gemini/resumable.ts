import type { DoneEntry, StreamAbout, ToldAs } from "../../gateway/streams/entry.ts";
import { chargeComment } from "../openai/stream-end.ts";
import type { Teller } from "../told-whole.ts";
import { ContentResponses, namesOf } from "./content-response.ts";
import { geminiErrorBody } from "./errors.ts";
import { responseFrame } from "./frames.ts";

/** A stream that readers on any node are told as responses: all that takes is in the stream itself. */
export const toldAsResponses = (showsThoughts: boolean): ToldAs => ({
  dialect: "gemini",
  about: { showsThoughts },
});

/** A resumable stream as responses. @param after the number of the last event that its reader has */
export function responsesTeller(about: StreamAbout, after: number): Teller {
  const responses = new ContentResponses(namesOf(about), 1, about.told?.about.showsThoughts === true);
  let number = 0;
  const numbered = (frame: string, isShown: boolean): string => {
    number += 1;
    return isShown ? `id: ${number}\n${frame}` : "";
  };
  return {
    begin: () => "",
    write(pieces) {
      const response = responses.write([{ choice: 0, pieces }]);
      return response === undefined ? "" : numbered(responseFrame(response), number >= after);
    },
    end({ final }: DoneEntry) {
      // The end is told once more to whoever has had it.
      const { error } = final;
      if (error === undefined)
        return chargeComment(final) + numbered(responseFrame(responses.finish(final)), true);
      const last = responseFrame({ ...geminiErrorBody(error, about.requestId) });
      return numbered(last, true) + chargeComment(final);
    },
    get lastId() {
      return number;
    },
  };
}
