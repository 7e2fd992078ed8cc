import type { JsonObject } from "../../core/generation.ts";
import { objectOf, textOf } from "../json.ts";
import { unreadable } from "../openai-family/errors.ts";
import { NOTHING_SHOWN, type Shown } from "../openai-frames/shown.ts";
import { createThoughts } from "./thoughts.ts";

/** Blocks of one answer: far more than parallel calls and thoughts between them come to. */
const MAX_BLOCKS = 1_024;

/** Reads the content blocks of one answer. Kinds that nobody here asked for are passed over. */
export interface BlockReader {
  open(index: number, block: JsonObject): readonly Shown[];
  delta(index: number, delta: JsonObject): readonly Shown[];
  close(index: number): readonly Shown[];
  /** The extension that carries the thoughts, once all blocks are read; nothing when there were none. */
  carried(): readonly Shown[];
}

interface OpenCall {
  /** Counted over the calls: what stands between them is no call. */
  readonly call: number;
  /** Arguments that came with the block's start, for when no piece of them follows. */
  readonly input: JsonObject;
  hasArguments: boolean;
}

export const createBlockReader = (): BlockReader => new Blocks();

class Blocks implements BlockReader {
  #openCalls: Map<number, OpenCall> | undefined;
  readonly #thoughts = createThoughts();
  #blocks = 0;
  #calls = 0;

  open(index: number, block: JsonObject): readonly Shown[] {
    this.#blocks += 1;
    if (this.#blocks > MAX_BLOCKS) return [TOO_MANY];
    if (block.type === "text") return words("text", block.text);
    if (block.type === "tool_use") return this.#openCall(index, block);
    if (block.type !== "thinking" && block.type !== "redacted_thinking") return NOTHING_SHOWN;
    this.#thoughts.open(index, block);
    return words("reasoning", block.thinking);
  }

  delta(index: number, delta: JsonObject): readonly Shown[] {
    switch (delta.type) {
      case "text_delta":
        return words("text", delta.text);
      case "thinking_delta":
        this.#thoughts.addText(index, textOf(delta.thinking) ?? "");
        return words("reasoning", delta.thinking);
      case "signature_delta":
        this.#thoughts.addSignature(index, textOf(delta.signature) ?? "");
        return NOTHING_SHOWN;
      case "input_json_delta":
        return this.#argumentsPiece(index, textOf(delta.partial_json));
      default:
        return NOTHING_SHOWN;
    }
  }

  close(index: number): readonly Shown[] {
    const open = this.#openCalls?.get(index);
    if (open === undefined) return NOTHING_SHOWN;
    this.#openCalls?.delete(index);
    if (open.hasArguments) return NOTHING_SHOWN;
    // A call without arguments sends no piece of them; for OpenAI's clients they must be JSON all the same.
    return [{ type: "toolCall", choice: 0, call: open.call, arguments: JSON.stringify(open.input) }];
  }

  carried(): readonly Shown[] {
    const fields = this.#thoughts.fields();
    return fields === undefined ? NOTHING_SHOWN : [{ type: "extension", choice: 0, fields }];
  }

  #openCall(index: number, block: JsonObject): readonly Shown[] {
    const call = this.#calls;
    this.#calls += 1;
    this.#openCalls ??= new Map();
    this.#openCalls.set(index, { call, input: objectOf(block.input) ?? {}, hasArguments: false });
    const [id, name] = [textOf(block.id) ?? "", textOf(block.name) ?? ""];
    return [{ type: "toolCall", choice: 0, call, id, name, arguments: "" }];
  }

  #argumentsPiece(index: number, piece: string | undefined): readonly Shown[] {
    const open = this.#openCalls?.get(index);
    if (open === undefined || piece === undefined) return NOTHING_SHOWN;
    open.hasArguments = true;
    return [{ type: "toolCall", choice: 0, call: open.call, arguments: piece }];
  }
}

const TOO_MANY: Shown = {
  type: "failure",
  failure: unreadable("too_many_blocks", `The vendor's answer has more than ${MAX_BLOCKS} parts.`),
};

function words(type: "text" | "reasoning", value: unknown): readonly Shown[] {
  const text = textOf(value);
  if (text === undefined) return NOTHING_SHOWN;
  return [type === "text" ? { type, choice: 0, text } : { type, choice: 0, text }];
}
