import type { GenerationEvent, JsonObject } from "../../core/generation.ts";

/** How the first vendor named its chunks: everything but their choices and usage. */
export type ChunkHead = JsonObject;

/** Frames beyond this are read for no names: the first one holds a role and a word. */
export const HEAD_BYTES = 16 * 1024;

/** The names in the first frame of OpenAI's dialect; undefined where it cannot be read. */
export function chunkHeadIn(bytes: Uint8Array): ChunkHead | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, HEAD_BYTES)).toString(
    "utf8",
  );
  const data = /^data:(.*)$/m.exec(text)?.[1];
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
