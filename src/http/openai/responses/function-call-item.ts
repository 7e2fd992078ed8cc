import type { JsonObject } from "../../../core/generation.ts";
import type { ItemOptions, ItemStatus, OpenItem } from "./output.ts";
import type { CallPiece } from "./piece.ts";

/** A call of one of the client's functions. */
export class FunctionCallItem implements OpenItem {
  readonly #options: ItemOptions;
  #callId: string;
  #name: string;
  #arguments = "";
  #fields: JsonObject = {};
  #status: ItemStatus | "in_progress" = "in_progress";

  /** @param first the piece that it begins with, still to be written */
  constructor(options: ItemOptions, first: CallPiece) {
    this.#options = options;
    // A vendor that names no call gets one named for it: its output has to be matched.
    this.#callId = first.id ?? options.id.replace("fc_", "call_");
    this.#name = first.name ?? "";
    options.emit({ type: "response.output_item.added", output_index: options.index, item: this.shown() });
  }

  write(piece: CallPiece): void {
    this.#name = this.#name === "" ? (piece.name ?? "") : this.#name;
    this.#fields = { ...this.#fields, ...piece.fields };
    if (piece.arguments === "") return;
    this.#arguments += piece.arguments;
    this.#emit("response.function_call_arguments.delta", { delta: piece.arguments });
  }

  close(status: ItemStatus): void {
    this.#status = status;
    // Nothing at all is no JSON, and means no arguments.
    if (status === "completed" && this.#arguments === "") this.#arguments = "{}";
    this.#emit("response.function_call_arguments.done", { name: this.#name, arguments: this.#arguments });
    const { emit, index } = this.#options;
    emit({ type: "response.output_item.done", output_index: index, item: this.shown() });
  }

  shown(): JsonObject {
    return {
      ...this.#fields,
      id: this.#options.id,
      type: "function_call",
      status: this.#status,
      call_id: this.#callId,
      name: this.#name,
      arguments: this.#arguments,
    };
  }

  #emit(type: string, fields: JsonObject): void {
    const { id, index, emit } = this.#options;
    emit({ type, item_id: id, output_index: index, ...fields });
  }
}
