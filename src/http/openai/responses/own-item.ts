import type { JsonObject } from "../../../core/generation.ts";
import { listIn, objectIn } from "./chat-pieces.ts";
import type { Emit, ItemStatus, OpenItem } from "./output.ts";
import type { SpokenPiece } from "./piece.ts";

/** Where an item's parts are: what it says, or the summary of what it thought. */
export type PartList = "content" | "summary";

/** What a part's end repeats, by its type: the event, and the field. */
const DONE: Readonly<Record<string, readonly [event: string, field: string]>> = {
  output_text: ["output_text", "text"],
  refusal: ["refusal", "refusal"],
  reasoning_text: ["reasoning_text", "text"],
  summary_text: ["reasoning_summary_text", "text"],
};

/**
 * An item that a vendor writes in its own words, followed as it grows: for when the vendor does not come to its end, and
 * it is closed here, or gone on with.
 */
export class OwnItem implements OpenItem {
  #item: JsonObject;
  #isDone = false;
  #emit: Emit = () => {};
  #arguments = "";
  /** Characters that were counted of each of its parts. */
  readonly #counted = new Map<string, number>();
  readonly #parts: Record<PartList, Map<number, Record<string, unknown>>>;
  /** The part that was begun and not ended. */
  #open: { readonly list: PartList; readonly index: number } | undefined;

  constructor(
    readonly index: number,
    item: JsonObject,
  ) {
    this.#item = item;
    this.#parts = { content: partsIn(item.content), summary: partsIn(item.summary) };
    if (typeof item.arguments === "string") this.#arguments = item.arguments;
  }

  /**
   * Counts what is kept of a part, or of the item as a whole. An event that ends it repeats what was said before.
   * @param size characters of that event
   * @param part absent: the whole item
   * @returns how many more these are than were counted
   */
  grow(size: number, part?: readonly [list: PartList, index: number]): number {
    const name = part?.join(" ") ?? "";
    const before =
      part === undefined
        ? [...this.#counted.values()].reduce((sum, chars) => sum + chars, 0)
        : (this.#counted.get(name) ?? 0);
    const more = Math.max(0, size - before);
    this.#counted.set(name, (this.#counted.get(name) ?? 0) + more);
    return more;
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  get isMessage(): boolean {
    return this.#item.type === "message";
  }

  /** From here on it is written here. */
  goOn(emit: Emit): void {
    this.#emit = emit;
  }

  /** As the vendor told it whole. */
  finish(item: JsonObject): void {
    this.#item = item;
    this.#isDone = true;
  }

  setPart(list: PartList, index: number, part: JsonObject, isOpen: boolean): void {
    this.#parts[list].set(index, { ...part });
    this.#open = isOpen ? { list, index } : undefined;
  }

  lengthen(list: PartList, index: number, field: string, text: string): void {
    const part = this.#parts[list].get(index);
    if (part === undefined) return;
    const name = `${list} ${index}`;
    this.#counted.set(name, (this.#counted.get(name) ?? 0) + text.length);
    part[field] = `${typeof part[field] === "string" ? part[field] : ""}${text}`;
  }

  lengthenArguments(text: string): void {
    this.#counted.set("", (this.#counted.get("") ?? 0) + text.length);
    this.#arguments += text;
  }

  /** Another vendor goes on with a message. */
  write({ kind, text, logprobs = [] }: SpokenPiece): void {
    const type = kind === "text" ? "output_text" : "refusal";
    const part = this.#openPart();
    if (part?.type !== type) {
      this.#closePart();
      const index = this.#parts.content.size;
      const added =
        type === "refusal" ? { type, refusal: "" } : { type, text: "", annotations: [], logprobs: [] };
      this.setPart("content", index, added, true);
      this.#emitPart("response.content_part.added", { part: { ...added } });
    }
    const { index = 0 } = this.#open ?? {};
    this.lengthen("content", index, kind, text);
    this.#emitPart(`response.${type}.delta`, {
      delta: text,
      ...(kind === "text" ? { logprobs: [...logprobs] } : {}),
    });
  }

  shown(): JsonObject {
    if (this.#isDone) return this.#item;
    const { content, summary } = this.#parts;
    return {
      ...this.#item,
      ...("content" in this.#item || content.size > 0 ? { content: listOf(content) } : {}),
      ...("summary" in this.#item || summary.size > 0 ? { summary: listOf(summary) } : {}),
      ...("arguments" in this.#item ? { arguments: this.#arguments } : {}),
    };
  }

  /** Nothing for an item that the vendor ended itself. */
  close(status: ItemStatus): void {
    if (this.#isDone) return;
    this.#closePart();
    if ("arguments" in this.#item) {
      const { name } = this.#item;
      this.#emitOf("response.function_call_arguments.done", { name, arguments: this.#arguments });
    }
    this.finish({ ...this.shown(), status });
    this.#emit({ type: "response.output_item.done", output_index: this.index, item: this.shown() });
  }

  #openPart(): Readonly<Record<string, unknown>> | undefined {
    return this.#open && this.#parts[this.#open.list].get(this.#open.index);
  }

  #closePart(): void {
    const part = this.#openPart();
    if (this.#open === undefined || part === undefined) return;
    const [event, field] = DONE[String(part.type)] ?? [];
    if (event !== undefined && field !== undefined)
      this.#emitPart(`response.${event}.done`, { [field]: part[field] });
    const done = this.#open.list === "summary" ? "reasoning_summary_part" : "content_part";
    this.#emitPart(`response.${done}.done`, { part: { ...part } });
    this.#open = undefined;
  }

  #emitPart(type: string, fields: JsonObject): void {
    const { list, index } = this.#open ?? { list: "content", index: 0 };
    this.#emitOf(type, { [list === "summary" ? "summary_index" : "content_index"]: index, ...fields });
  }

  #emitOf(type: string, fields: JsonObject): void {
    this.#emit({ type, item_id: this.#item.id, output_index: this.index, ...fields });
  }
}

const partsIn = (value: unknown): Map<number, Record<string, unknown>> =>
  new Map(listIn(value).map((part, index) => [index, { ...objectIn(part) }]));

const listOf = (parts: ReadonlyMap<number, JsonObject>): readonly JsonObject[] =>
  [...parts].sort(([a], [b]) => a - b).map(([, part]) => ({ ...part }));
