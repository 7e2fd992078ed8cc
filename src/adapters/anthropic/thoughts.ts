import type { JsonObject } from "../../core/generation.ts";
import { isObject, listOf, numberOf, textOf } from "../json.ts";

/**
 * The extension field in which an answer's thoughts travel with their signatures: a list of Anthropic's own
 * `thinking` and `redacted_thinking` blocks, each with its `index` among the blocks of the answer. A client that
 * sends the assistant message back as it got it keeps them valid; Anthropic demands that beside tool calls.
 */
const THOUGHTS_FIELD = "thinking_blocks";

/** Thoughts beyond this are not carried: four times what 128K tokens of ordinary text come to. */
const MAX_CARRIED_CHARS = 2 * 1024 * 1024;

/** Collects the thoughts of one answer as it comes. */
export interface Thoughts {
  /** A block that begins, with what stands in it already. */
  open(index: number, block: JsonObject): void;
  addText(index: number, text: string): void;
  addSignature(index: number, signature: string): void;
  /** The extension's fields; undefined when there is nothing whole to carry. */
  fields(): JsonObject | undefined;
}

interface Thought {
  readonly redacted: string | undefined;
  text: string;
  signature: string;
}

export const createThoughts = (): Thoughts => new Collected();

class Collected implements Thoughts {
  #thoughts: Map<number, Thought> | undefined;
  #chars = 0;

  open(index: number, block: JsonObject): void {
    const redacted = block.type === "redacted_thinking" ? (textOf(block.data) ?? "") : undefined;
    this.#chars += redacted?.length ?? 0;
    if (this.#chars > MAX_CARRIED_CHARS) return;
    this.#thoughts ??= new Map();
    this.#thoughts.set(index, { redacted, text: "", signature: "" });
    this.addText(index, textOf(block.thinking) ?? "");
    this.addSignature(index, textOf(block.signature) ?? "");
  }

  addText(index: number, text: string): void {
    const thought = this.#growing(index, text);
    if (thought !== undefined) thought.text += text;
  }

  addSignature(index: number, signature: string): void {
    const thought = this.#growing(index, signature);
    if (thought !== undefined) thought.signature += signature;
  }

  fields(): JsonObject | undefined {
    // What was cut short would be refused when it comes back.
    if (this.#thoughts === undefined || this.#chars > MAX_CARRIED_CHARS) return undefined;
    const blocks = [...this.#thoughts].flatMap(([index, thought]) => blockOf(index, thought));
    return blocks.length === 0 ? undefined : { [THOUGHTS_FIELD]: blocks };
  }

  /** The thought that a piece belongs to; undefined where there is none, or too much was said already. */
  #growing(index: number, piece: string): Thought | undefined {
    this.#chars += piece.length;
    return this.#chars <= MAX_CARRIED_CHARS ? this.#thoughts?.get(index) : undefined;
  }
}

function blockOf(index: number, { redacted, text, signature }: Thought): JsonObject[] {
  if (redacted !== undefined) {
    return redacted === "" ? [] : [{ type: "redacted_thinking", data: redacted, index }];
  }
  return signature === "" ? [] : [{ type: "thinking", thinking: text, signature, index }];
}

/** A thought that came back: the block as Anthropic wants it, and where it stood. */
export interface CarriedThought {
  readonly index: number;
  readonly block: JsonObject;
}

/** The valid thoughts of an assistant message, in the order in which they stood. */
export function carriedThoughts(message: JsonObject): readonly CarriedThought[] {
  return listOf(message[THOUGHTS_FIELD])
    .flatMap((carried, position) => {
      const block = isObject(carried) ? validBlock(carried) : undefined;
      const index = isObject(carried) ? (numberOf(carried.index) ?? position) : position;
      return block === undefined ? [] : [{ index, block }];
    })
    .toSorted((a, b) => a.index - b.index);
}

function validBlock(carried: JsonObject): JsonObject | undefined {
  const { type, thinking, data } = carried;
  const signature = textOf(carried.signature);
  if (type === "redacted_thinking" && typeof data === "string") return { type, data };
  if (type !== "thinking" || typeof thinking !== "string" || signature === undefined) return undefined;
  return { type, thinking, signature };
}

/** The blocks of an answer in their first order: each thought at its own place, the others in between. */
export function interleaved(
  thoughts: readonly CarriedThought[],
  others: readonly JsonObject[],
): readonly JsonObject[] {
  const blocks: JsonObject[] = [];
  const rest = [...others];
  for (const { index, block } of thoughts) {
    while (blocks.length < index && rest.length > 0) blocks.push(...rest.splice(0, 1));
    blocks.push(block);
  }
  return [...blocks, ...rest];
}
