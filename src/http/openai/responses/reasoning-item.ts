import type { JsonObject } from "../../../core/generation.ts";
import { sealCarried } from "./carried.ts";
import type { ItemOptions, OpenItem } from "./output.ts";

/** What a model thought: as a summary for whoever asked for one, else in the open, as open models' thoughts are. */
export class ReasoningItem implements OpenItem {
  /** What the vendor wants back. */
  carried: JsonObject | undefined;
  #text = "";
  #isOpen = true;

  constructor(
    readonly options: ItemOptions,
    readonly isSummary: boolean,
  ) {
    options.emit({ type: "response.output_item.added", output_index: options.index, item: this.shown() });
  }

  write(text: string): void {
    if (this.#text === "") {
      const added = this.isSummary ? "response.reasoning_summary_part.added" : "response.content_part.added";
      this.#emit(added, { part: this.#part() });
    }
    this.#text += text;
    this.#emit(this.isSummary ? "response.reasoning_summary_text.delta" : "response.reasoning_text.delta", {
      delta: text,
    });
  }

  close(): void {
    if (this.#text !== "") {
      const [textDone, partDone] = this.isSummary
        ? ["response.reasoning_summary_text.done", "response.reasoning_summary_part.done"]
        : ["response.reasoning_text.done", "response.content_part.done"];
      this.#emit(textDone, { text: this.#text });
      this.#emit(partDone, { part: this.#part() });
    }
    this.#isOpen = false;
    const { emit, index } = this.options;
    emit({ type: "response.output_item.done", output_index: index, item: this.shown() });
  }

  shown(): JsonObject {
    const parts = this.#text === "" ? [] : [this.#part()];
    return {
      id: this.options.id,
      type: "reasoning",
      status: this.#isOpen ? "in_progress" : "completed",
      summary: this.isSummary ? parts : [],
      ...(this.isSummary ? {} : { content: parts }),
      ...(this.carried === undefined ? {} : { encrypted_content: sealCarried(this.carried) }),
    };
  }

  #part(): JsonObject {
    return { type: this.isSummary ? "summary_text" : "reasoning_text", text: this.#text };
  }

  #emit(type: string, fields: JsonObject): void {
    const { id, index, emit } = this.options;
    const place = this.isSummary ? { summary_index: 0 } : { content_index: 0 };
    emit({ type, item_id: id, output_index: index, ...place, ...fields });
  }
}
