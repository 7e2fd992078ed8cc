import type { SluiceError } from "../core/errors.ts";
import { formatPoints } from "../core/points.ts";
import type { Usage } from "../core/usage.ts";
import type { Writable } from "../core/writable.ts";
import type {
  DeltaEntry,
  DoneEntry,
  StreamAbout,
  StreamEntry,
  ToolCallPiece,
} from "../gateway/streams/entry.ts";
import type { DeltaFrame, DoneFrame, ServerFrame, StartedFrame } from "./protocol.ts";

/** The parts of frames that look as in OpenAI's dialect; made by whoever knows the dialect. */
export interface OpenAiShapes {
  usage(usage: Usage): object;
  toolCall(piece: ToolCallPiece): object;
  errorBody(error: SluiceError, requestId: string): { readonly error: object };
}

/** The first frame of a stream. */
export function startedFrame(id: string, about: StreamAbout): StartedFrame {
  const { streamId: stream, requestId, vendor, vendorModel: model } = about;
  return { type: "started", id, stream, request_id: requestId, vendor, model };
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

/** Made for every token: one object, its fields in the order in which they are sent. */
function deltaFrame(id: string, entry: DeltaEntry, shapes: OpenAiShapes): ServerFrame {
  const { seq, choice, text, reasoning, refusal, toolCalls } = entry;
  const frame: Writable<DeltaFrame> = { type: "delta", id, seq };
  if (choice !== 0) frame.choice = choice;
  if (text !== undefined) frame.text = text;
  if (reasoning !== undefined) frame.reasoning = reasoning;
  if (refusal !== undefined) frame.refusal = refusal;
  if (toolCalls !== undefined) frame.tool_calls = toolCalls.map(shapes.toolCall);
  return frame;
}

function doneFrame(
  id: string,
  { seq, final, receipt }: DoneEntry,
  { requestId }: StreamAbout,
  shapes: OpenAiShapes,
): ServerFrame {
  const frame: Writable<DoneFrame> = {
    type: "done",
    id,
    seq,
    outcome: final.outcome,
    finish_reason: final.finishReason,
    usage: shapes.usage(final.usage),
    cost: formatPoints(final.cost),
    receipt: receipt ?? requestId,
  };
  if (final.error !== undefined) frame.error = shapes.errorBody(final.error, requestId).error;
  return frame;
}
