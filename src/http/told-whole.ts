import type { DeltaEntry, DoneEntry, StreamAbout } from "../gateway/streams/entry.ts";
import type { StreamCursor } from "../gateway/streams/live-stream.ts";
import type { Piece } from "./openai/responses/piece.ts";
import { movedFrames } from "./openai/stream-entries.ts";

/**
 * Tells a resumable stream in a dialect whose events hold what came before: from the stream's beginning, each event with
 * an `id`, and shown behind the number that a reader comes back with. Each call answers frames, "" for none.
 */
export interface Teller {
  begin(): string;
  write(pieces: readonly Piece[]): string;
  /** The last event is told to every reader, also to one that had it. */
  end(entry: DoneEntry): string;
  /** The `id` of the last event. */
  readonly lastId: number;
}

/**
 * A resumable stream as its teller tells it, as an SSE body.
 * @param cursor at the stream's beginning
 */
export function toldBody(
  about: StreamAbout,
  cursor: StreamCursor,
  teller: Teller,
): ReadableStream<Uint8Array> {
  let hasBegun = false;
  let hasLeft = false;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (!hasBegun) {
        hasBegun = true;
        const begin = teller.begin();
        if (begin !== "") return controller.enqueue(encoder.encode(begin));
      }
      for (;;) {
        const entry = await cursor.next();
        if (hasLeft) return;
        if (entry?.type === "delta") {
          const frames = teller.write(piecesOf(entry));
          if (frames === "") continue;
          return controller.enqueue(encoder.encode(frames));
        }
        if (entry?.type === "moved") controller.enqueue(encoder.encode(movedFrames(about, teller.lastId)));
        if (entry?.type === "done") controller.enqueue(encoder.encode(teller.end(entry)));
        return controller.close();
      }
    },
    cancel() {
      hasLeft = true;
      cursor.close();
    },
  });
}

const encoder = new TextEncoder();

function piecesOf({ choice, reasoning, text, refusal, toolCalls = [] }: DeltaEntry): readonly Piece[] {
  if (choice !== 0) return [];
  return [
    ...(reasoning === undefined ? [] : [{ kind: "reasoning", text: reasoning } as const]),
    ...(text === undefined ? [] : [{ kind: "text", text } as const]),
    ...(refusal === undefined ? [] : [{ kind: "refusal", text: refusal } as const]),
    ...toolCalls.map((piece) => ({ kind: "call", ...piece }) as const),
  ];
}
