import type { JsonObject } from "../../../core/generation.ts";
import type { ItemOptions, ItemStatus, OpenItem } from "./output.ts";
import type { SpokenPiece } from "./piece.ts";

interface TextPart {
  readonly type: "output_text" | "refusal";
  text: string;
  readonly logprobs: unknown[];
}

/** What an assistant says: texts and refusals, each a part. */
export class MessageItem implements OpenItem {
  readonly #options: ItemOptions;
  readonly #parts: TextPart[] = [];
  #status: ItemStatus | "in_progress" = "in_progress";

  constructor(options: ItemOptions) {
    this.#options = options;
    options.emit({ type: "response.output_item.added", output_index: options.index, item: this.shown() });
  }

  write(piece: SpokenPiece): void {
    const part = this.#partFor(piece.kind === "text" ? "output_text" : "refusal");
    part.text += piece.text;
    const logprobs = (piece.logprobs ?? []).map(asTokenLogprob);
    part.logprobs.push(...logprobs);
    this.#emit(part.type === "output_text" ? "response.output_text.delta" : "response.refusal.delta", {
      delta: piece.text,
      ...(part.type === "output_text" ? { logprobs } : {}),
    });
  }

  close(status: ItemStatus): void {
    this.#closePart();
    this.#status = status;
    const { emit, index } = this.#options;
    emit({ type: "response.output_item.done", output_index: index, item: this.shown() });
  }

  shown(): JsonObject {
    return {
      id: this.#options.id,
      type: "message",
      status: this.#status,
      role: "assistant",
      content: this.#parts.map(shownPart),
    };
  }

  #partFor(type: TextPart["type"]): TextPart {
    const last = this.#parts.at(-1);
    if (last?.type === type) return last;
    this.#closePart();
    const part: TextPart = { type, text: "", logprobs: [] };
    this.#parts.push(part);
    this.#emit("response.content_part.added", { part: shownPart(part) });
    return part;
  }

  #closePart(): void {
    const part = this.#parts.at(-1);
    if (part === undefined) return;
    if (part.type === "refusal") this.#emit("response.refusal.done", { refusal: part.text });
    else this.#emit("response.output_text.done", { text: part.text, logprobs: part.logprobs });
    this.#emit("response.content_part.done", { part: shownPart(part) });
  }

  #emit(type: string, fields: JsonObject): void {
    const { id, index, emit } = this.#options;
    emit({ type, item_id: id, output_index: index, content_index: this.#parts.length - 1, ...fields });
  }
}

const shownPart = ({ type, text, logprobs }: TextPart): JsonObject =>
  type === "refusal" ? { type, refusal: text } : { type, text, annotations: [], logprobs: [...logprobs] };

/** Chat's log probability without what only chat has: absent bytes are null there. */
function asTokenLogprob(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("token" in value)) return value;
  const { top_logprobs: top, bytes, ...rest } = value as JsonObject; // it has a token, as chat's have
  return {
    ...rest,
    bytes: bytes ?? [],
    top_logprobs: Array.isArray(top) ? top.map(asTokenLogprob) : [],
  };
}
