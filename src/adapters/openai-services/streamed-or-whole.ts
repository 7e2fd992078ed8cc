import { MAX_FRAME_BYTES } from "../../core/limits.ts";
import { EMPTY_PASSAGE, type Passage, type StreamReader } from "../adapter.ts";
import { FRAME_TOO_LARGE } from "../openai-family/frames.ts";

type Reader = Pick<StreamReader, "push" | "close">;

/**
 * A reader for vendors that may answer whole though a stream was asked for. What begins like a JSON object is kept, as
 * long as one frame may be, and read at its end; all else goes to `events` as it comes.
 */
export function streamedOrWhole(events: Reader, readWhole: (body: Uint8Array) => Passage): Reader {
  let kind: "unknown" | "events" | "whole" | "over" = "unknown";
  let kept: Uint8Array[] = [];
  let bytes = 0;

  return {
    push(chunk) {
      if (kind === "over") return EMPTY_PASSAGE;
      if (kind === "events") return events.push(chunk);
      bytes += chunk.byteLength;
      if (bytes > MAX_FRAME_BYTES) {
        kind = "over";
        kept = [];
        return { events: [FRAME_TOO_LARGE], hasContent: false };
      }
      kept.push(chunk);
      if (kind === "whole") return EMPTY_PASSAGE;
      const first = /\S/.exec(Buffer.from(chunk).toString("latin1"))?.[0];
      if (first === undefined) return EMPTY_PASSAGE;
      kind = first === "{" ? "whole" : "events";
      if (kind === "whole") return EMPTY_PASSAGE;
      const begun = Buffer.concat(kept);
      kept = [];
      return events.push(begun);
    },
    close() {
      if (kind === "over") return EMPTY_PASSAGE;
      if (kind !== "whole") return events.close();
      kind = "over";
      return readWhole(Buffer.concat(kept));
    },
  };
}
