import type {
  ChoiceFinish,
  DeltaEntry,
  DoneEntry,
  StreamAbout,
  StreamEntry,
  ToolCallPiece,
} from "../../gateway/streams/entry.ts";
import { type ChunkNames, endFrames } from "./stream-end.ts";

/**
 * An entry of a resumable stream as SSE in OpenAI's dialect. Its `id` is the entry's number; frames that
 * follow under the same entry have none of their own, which in SSE means that they share it.
 */
export function entryFrames(entry: StreamEntry, about: StreamAbout): string {
  if (entry.type === "delta") return `id: ${entry.seq}\n${frame(deltaChunk(entry, about))}`;
  if (entry.type === "moved") return movedFrames(about, entry.seq);
  return `id: ${entry.seq}\n${finishFrames(entry, about)}${closingFrames(entry, about)}`;
}

/** The end once more, for a reader that has seen the first of its frames: without the finish chunks. */
export function repeatedEndFrames(entry: DoneEntry, about: StreamAbout): string {
  return `id: ${entry.seq}\n${closingFrames(entry, about)}`;
}

/** How soon a client shall come back: the next node has the stream by then, or takes it when it is asked. */
const COME_BACK_MS = 200;

/** No end: the client is to come back with the number that it has. */
export function movedFrames({ streamId }: StreamAbout, after: number): string {
  return `retry: ${COME_BACK_MS}\n: sluice-moved ${JSON.stringify({ stream: streamId, after })}\n\n`;
}

function closingFrames({ final }: DoneEntry, about: StreamAbout): string {
  return endFrames(final, about.requestId, about.includeUsage ? namesOf(about) : undefined);
}

/** Only a completed answer has a normal end. */
function finishFrames({ final, finishes }: DoneEntry, about: StreamAbout): string {
  if (final.outcome !== "completed") return "";
  return finishes.map((finish) => frame(finishChunk(finish, about))).join("");
}

function deltaChunk(entry: DeltaEntry, about: StreamAbout): object {
  const choice =
    about.operation === "completion"
      ? { index: entry.choice, text: entry.text ?? "", logprobs: null, finish_reason: null }
      : { index: entry.choice, delta: chatDelta(entry), logprobs: null, finish_reason: null };
  return chunk(about, choice);
}

function finishChunk({ choice, reason, opens }: ChoiceFinish, about: StreamAbout): object {
  const content = about.operation === "completion" ? { text: "" } : { delta: opens ? OPENING : {} };
  return chunk(about, { index: choice, ...content, logprobs: null, finish_reason: reason });
}

const OPENING = { role: "assistant", content: "" } as const;

function chatDelta({ opens, reasoning, text, refusal, toolCalls }: DeltaEntry): object {
  return {
    ...(opens ? OPENING : {}),
    ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
    ...(text === undefined ? {} : { content: text }),
    ...(refusal === undefined ? {} : { refusal }),
    ...(toolCalls === undefined ? {} : { tool_calls: toolCalls.map(toolCallDelta) }),
  };
}

/** A piece of a tool call as it stands in a streamed `tool_calls` array. */
export function toolCallDelta(piece: ToolCallPiece): object {
  const { call, id, name } = piece;
  return {
    index: call,
    ...(id === undefined ? {} : { id, type: "function" }),
    function: { ...(name === undefined ? {} : { name }), arguments: piece.arguments },
  };
}

function chunk(about: StreamAbout, choice: object): object {
  const usage = about.includeUsage ? { usage: null } : {};
  return { ...namesOf(about), choices: [choice], ...usage };
}

function namesOf(about: StreamAbout): ChunkNames {
  return {
    id: about.requestId,
    object: about.operation === "completion" ? "text_completion" : "chat.completion.chunk",
    created: about.created,
    model: about.vendorModel,
  };
}

const frame = (data: object): string => `data: ${JSON.stringify(data)}\n\n`;
