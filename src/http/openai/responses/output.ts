import type { JsonObject } from "../../../core/generation.ts";
import { FunctionCallItem } from "./function-call-item.ts";
import { MessageItem } from "./message-item.ts";
import type { OwnItem } from "./own-item.ts";
import type { CallPiece, Piece, SpokenPiece } from "./piece.ts";
import { ReasoningItem } from "./reasoning-item.ts";
import { itemIdOf } from "./response-object.ts";

/** Of an item, or of what a vendor wants back at once. */
const CHARS_OF_AN_ITEM = 100;

/** How an item ended. */
export type ItemStatus = "completed" | "incomplete";

/** An event of the stream, without its number. */
export type OutputEvent = JsonObject & { readonly type: string; readonly item?: JsonObject };
export type Emit = (event: OutputEvent) => void;

/** An item of the output while it is written. */
export interface OpenItem {
  /** As it stands now. */
  shown(): JsonObject;
  /** Emits what ends it. */
  close(status: ItemStatus): void;
}

/** A message, whoever began it. */
interface SpokenItem extends OpenItem {
  write(piece: SpokenPiece): void;
}

export interface OutputOptions {
  /** Distinguishes the items of this response from all others. */
  readonly suffix: string;
  readonly summarizes: boolean;
  readonly emit: Emit;
}

/**
 * The output of a response: pieces in, items and their events out. Text, refusals and reasoning end where something
 * else begins; calls end with the answer, since vendors may write several at once.
 */
export class Output {
  readonly #options: OutputOptions;
  readonly #items: OpenItem[] = [];
  readonly #calls = new Map<number, FunctionCallItem>();
  #message: SpokenItem | undefined;
  #reasoning: ReasoningItem | undefined;
  #lastReasoning: ReasoningItem | undefined;
  #carried: JsonObject = {};
  #carriedChars = 0;
  /** Left open by a vendor that spoke for itself. */
  #left: readonly OwnItem[] = [];

  constructor(options: OutputOptions) {
    this.#options = options;
  }

  /** What the items take in memory beside their words, in characters. */
  get chars(): number {
    return this.#items.length * CHARS_OF_AN_ITEM + this.#carriedChars;
  }

  /** The items so far, those that are still being written included. */
  items(): readonly JsonObject[] {
    return this.#items.map((item) => item.shown());
  }

  /** Goes on with what a vendor began in its own words: in the message that it left open, behind everything else. */
  goOnFrom(items: readonly OwnItem[]): void {
    for (const item of items) item.goOn(this.#options.emit);
    this.#items.push(...items);
    const left = items.filter(({ isDone }) => !isDone);
    this.#message = left.findLast(({ isMessage }) => isMessage);
    this.#left = left.filter((item) => item !== this.#message);
  }

  write(piece: Piece): void {
    this.#closeLeft("completed");
    switch (piece.kind) {
      case "text":
      case "refusal":
        this.#closeReasoning();
        this.#message ??= this.#open("msg", (options) => new MessageItem(options));
        this.#message.write(piece);
        return;
      case "reasoning":
        this.#closeMessage("completed");
        this.#reasoning ??= this.#openReasoning();
        this.#reasoning.write(piece.text);
        return;
      case "call":
        this.#closeReasoning();
        this.#closeMessage("completed");
        this.#writeCall(piece);
        return;
      case "carried":
        this.#carry(piece.fields);
    }
  }

  /** Closes what is still open. @param status of what was written last */
  end(status: ItemStatus): void {
    this.#closeLeft(status);
    this.#closeReasoning();
    this.#closeMessage(status);
    for (const call of this.#calls.values()) call.close(status);
    this.#calls.clear();
  }

  #closeLeft(status: ItemStatus): void {
    for (const item of this.#left) item.close(status);
    this.#left = [];
  }

  #writeCall(piece: CallPiece): void {
    let call = this.#calls.get(piece.call);
    if (call === undefined) {
      call = this.#open("fc", (options) => new FunctionCallItem(options, piece));
      this.#calls.set(piece.call, call);
    }
    call.write(piece);
  }

  /** Belongs to the reasoning, even if nothing of that is shown. */
  #carry(fields: JsonObject): void {
    this.#carried = { ...this.#carried, ...fields };
    this.#carriedChars += CHARS_OF_AN_ITEM + JSON.stringify(fields).length;
    let item = this.#reasoning ?? this.#lastReasoning;
    if (item === undefined) {
      item = this.#openReasoning();
      this.#closeReasoning();
    }
    item.carried = this.#carried;
  }

  #openReasoning(): ReasoningItem {
    const item = this.#open("rs", (options) => new ReasoningItem(options, this.#options.summarizes));
    this.#reasoning = item;
    this.#lastReasoning = item;
    return item;
  }

  #closeReasoning(): void {
    this.#reasoning?.close();
    this.#reasoning = undefined;
  }

  #closeMessage(status: ItemStatus): void {
    this.#message?.close(status);
    this.#message = undefined;
  }

  #open<Item extends OpenItem>(kind: string, create: (options: ItemOptions) => Item): Item {
    const index = this.#items.length;
    const { suffix, emit } = this.#options;
    const item = create({ id: itemIdOf(kind, suffix, index), index, emit });
    this.#items.push(item);
    return item;
  }
}

export interface ItemOptions {
  readonly id: string;
  /** Its place in the output. */
  readonly index: number;
  readonly emit: Emit;
}
