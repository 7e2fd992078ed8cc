import type { SluiceError } from "../core/errors.ts";
import { formatPoints } from "../core/points.ts";
import type { Usage } from "../core/usage.ts";
import type {
  DeltaEntry,
  DoneEntry,
  StreamAbout,
  StreamEntry,
  ToolCallPiece,
} from "../gateway/streams/entry.ts";
import type { ServerFrame } from "./protocol.ts";

/** The parts of frames that look as in OpenAI's dialect; made by whoever knows the dialect. */
export interface OpenAiShapes {
  usage(usage: Usage): object;
  toolCall(piece: ToolCallPiece): object;
  errorBody(error: SluiceError, requestId: string): { readonly error: object };
}

/** The frame that tells a stream's entry to the client that calls the stream `id`. */
export function streamFrame(
  id: string,
  entry: StreamEntry,
  about: StreamAbout,
  shapes: OpenAiShapes,
): ServerFrame {
  switch (entry.type) {
    case "delta":
      return deltaFrame(id, entry, shapes);
    case "moved":
      return { type: "moved", id, stream: about.streamId, seq: entry.seq };
    case "done":
      return doneFrame(id, entry, about, shapes);
  }
}

function deltaFrame(id: string, entry: DeltaEntry, shapes: OpenAiShapes): ServerFrame {
  const { seq, choice, text, reasoning, refusal, toolCalls } = entry;
  return {
    type: "delta",
    id,
    seq,
    ...(choice === 0 ? {} : { choice }),
    ...(text === undefined ? {} : { text }),
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(refusal === undefined ? {} : { refusal }),
    ...(toolCalls === undefined ? {} : { tool_calls: toolCalls.map(shapes.toolCall) }),
  };
}

function doneFrame(
  id: string,
  { seq, final, receipt }: DoneEntry,
  { requestId }: StreamAbout,
  shapes: OpenAiShapes,
): ServerFrame {
  return {
    type: "done",
    id,
    seq,
    outcome: final.outcome,
    finish_reason: final.finishReason,
    usage: shapes.usage(final.usage),
    cost: formatPoints(final.cost),
    receipt: receipt ?? requestId,
    ...(final.error === undefined ? {} : { error: shapes.errorBody(final.error, requestId).error }),
  };
}
