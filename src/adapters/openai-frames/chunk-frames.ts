import type { FinishReason, JsonObject, ToolCallDelta } from "../../core/generation.ts";
import type { AnswerNames } from "./names.ts";
import { type Extension, logprobsOf, type Shown } from "./shown.ts";

/**
 * Events → OpenAI chunk frames: what an adapter that translates hands on in `passthrough` mode. One SSE frame for
 * each event that a client sees; `usage`, `failure` and `end` give none, since the front writes those itself.
 */
export interface ChunkFrames {
  /** The frames of these events; undefined when they have none. */
  encode(shown: readonly Shown[]): Uint8Array | undefined;
}

/** @param names asked for at each frame, since a vendor may name itself only after the stream was opened */
export function createChunkFrames(names: () => AnswerNames): ChunkFrames {
  /** Choices whose first chunk, the one that says the role, has been written. */
  const opened = new Set<number>();

  function frameOf(shown: Shown): string {
    const piece = pieceOf(shown);
    if (piece === undefined) return "";
    const { choice, delta, finish } = piece;
    const opening = opened.has(choice) ? {} : OPENING;
    opened.add(choice);
    const { id, created, model } = names();
    const content = logprobsOf(shown);
    const logprobs = content === undefined ? null : { content, refusal: null };
    const chunk = {
      id,
      object: "chat.completion.chunk",
      created,
      model,
      choices: [{ index: choice, delta: { ...opening, ...delta }, logprobs, finish_reason: finish }],
    };
    return `data: ${JSON.stringify(chunk)}\n\n`;
  }

  return {
    encode(shown) {
      const frames = shown.map(frameOf).join("");
      return frames === "" ? undefined : Buffer.from(frames);
    },
  };
}

const OPENING = { role: "assistant", content: "" } as const;

interface Piece {
  readonly choice: number;
  readonly delta: JsonObject;
  readonly finish: FinishReason | null;
}

function pieceOf(shown: Shown): Piece | undefined {
  switch (shown.type) {
    case "text":
      return { choice: shown.choice, delta: { content: shown.text }, finish: null };
    case "reasoning":
      return { choice: shown.choice, delta: { reasoning_content: shown.text }, finish: null };
    case "refusal":
      return { choice: shown.choice, delta: { refusal: shown.text }, finish: null };
    case "toolCall":
      return { choice: shown.choice, delta: { tool_calls: [toolCallDelta(shown)] }, finish: null };
    case "extension":
      return { choice: shown.choice, delta: extensionDelta(shown), finish: null };
    case "finish":
      return { choice: shown.choice, delta: {}, finish: shown.reason };
    case "usage":
    case "failure":
    case "end":
      return undefined;
  }
}

const toolCallDelta = ({ call, id, name, arguments: piece }: ToolCallDelta): JsonObject => ({
  index: call,
  ...(id === undefined ? {} : { id, type: "function" }),
  function: { ...(name === undefined ? {} : { name }), arguments: piece },
});

const extensionDelta = ({ call, fields }: Extension): JsonObject =>
  call === undefined ? fields : { tool_calls: [{ index: call, ...fields }] };
