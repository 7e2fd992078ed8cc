import type { JsonObject, ToolCallDelta } from "../../core/generation.ts";
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

/** @param names read at each frame, since a vendor may name itself only after the stream was opened */
export const createChunkFrames = (names: AnswerNames): ChunkFrames => new Frames(names);

class Frames implements ChunkFrames {
  /** Choices whose first chunk, the one that says the role, has been written. */
  readonly #opened = new Set<number>();

  constructor(readonly names: AnswerNames) {}

  encode(shown: readonly Shown[]): Uint8Array | undefined {
    let frames = "";
    for (const item of shown) if (isForClients(item)) frames += this.#frameOf(item, deltaOf(item));
    return frames === "" ? undefined : Buffer.from(frames);
  }

  #frameOf(shown: ForClients, said: JsonObject): string {
    const { choice: index } = shown;
    const delta = this.#opened.has(index) ? said : { ...OPENING, ...said };
    this.#opened.add(index);
    const { id, created, model } = this.names;
    const content = logprobsOf(shown);
    const logprobs = content === undefined ? null : { content, refusal: null };
    const finish = shown.type === "finish" ? shown.reason : null;
    const choices = [{ index, delta, logprobs, finish_reason: finish }];
    return `data: ${JSON.stringify({ id, object: "chat.completion.chunk", created, model, choices })}\n\n`;
  }
}

const OPENING = { role: "assistant", content: "" } as const;

/** What gives a frame: usage, failures and the end do not. */
type ForClients = Extract<Shown, { readonly choice: number }>;

const isForClients = (shown: Shown): shown is ForClients => "choice" in shown;

function deltaOf(shown: ForClients): JsonObject {
  switch (shown.type) {
    case "text":
      return { content: shown.text };
    case "reasoning":
      return { reasoning_content: shown.text };
    case "refusal":
      return { refusal: shown.text };
    case "toolCall":
      return { tool_calls: [toolCallDelta(shown)] };
    case "extension":
      return extensionDelta(shown);
    case "finish":
      return {};
  }
}

const toolCallDelta = ({ call, id, name, arguments: piece }: ToolCallDelta): JsonObject => ({
  index: call,
  ...(id === undefined ? {} : { id, type: "function" }),
  function: { ...(name === undefined ? {} : { name }), arguments: piece },
});

const extensionDelta = ({ call, fields }: Extension): JsonObject =>
  call === undefined ? fields : { tool_calls: [{ index: call, ...fields }] };
