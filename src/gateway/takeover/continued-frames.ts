import type { GenerationEvent, JsonObject } from "../../core/generation.ts";

/** How the first vendor named its chunks: everything but their choices and usage. */
export type ChunkHead = JsonObject;

/** A first frame that is longer is read for no names: it holds a role and a word. */
const HEAD_BYTES = 64 * 1024;

/** A copy of the first frame's data line, of whole frames in OpenAI's dialect. */
export function firstLineOf(frames: Uint8Array): Uint8Array {
  const end = frames.indexOf(10);
  return frames.slice(0, Math.min(end < 0 ? frames.length : end, HEAD_BYTES));
}

/** The names in a frame's data line; undefined where it cannot be read. */
export function chunkHeadIn(line: Uint8Array): ChunkHead | undefined {
  const data = /^data:(.*)$/m.exec(Buffer.from(line).toString("utf8"))?.[1];
  if (data === undefined) return undefined;
  try {
    const { choices: _, usage: __, obfuscation: ___, ...head } = JSON.parse(data) as JsonObject; // a frame the adapter has read
    return head;
  } catch {
    return undefined;
  }
}

/**
 * A continuing vendor's events as frames of the first one's stream: its names, and no second role. Usage, failure and
 * end give none, since the front writes those itself. Undefined when there is nothing to show.
 */
export function continuedFrames(
  head: ChunkHead,
  isCompletion: boolean,
  events: readonly GenerationEvent[],
): Uint8Array | undefined {
  let frames = "";
  for (const event of events) {
    const choice = isCompletion ? completionChoice(event) : chatChoice(event);
    if (choice !== undefined) frames += `data: ${JSON.stringify({ ...head, choices: [choice] })}\n\n`;
  }
  return frames === "" ? undefined : Buffer.from(frames);
}

function chatChoice(event: GenerationEvent): object | undefined {
  switch (event.type) {
    case "text":
      return piece(event.choice, { content: event.text });
    case "reasoning":
      return piece(event.choice, { reasoning_content: event.text });
    case "refusal":
      return piece(event.choice, { refusal: event.text });
    case "toolCall": {
      const { call, id, name } = event;
      const called = { ...(name === undefined ? {} : { name }), arguments: event.arguments };
      const named = id === undefined ? {} : { id, type: "function" };
      return piece(event.choice, { tool_calls: [{ index: call, ...named, function: called }] });
    }
    case "finish":
      return { ...piece(event.choice, {}), finish_reason: event.reason };
    default:
      return undefined;
  }
}

const piece = (index: number, delta: object) => ({ index, delta, logprobs: null, finish_reason: null });

function completionChoice(event: GenerationEvent): object | undefined {
  if (event.type === "text")
    return { index: event.choice, text: event.text, logprobs: null, finish_reason: null };
  if (event.type !== "finish") return undefined;
  return { index: event.choice, text: "", logprobs: null, finish_reason: event.reason };
}
