import type { JsonObject } from "../../core/generation.ts";
import type { Final } from "../../gateway/gateway.ts";
import type { CallPiece, Piece } from "../openai/responses/piece.ts";
import { GrowingObject } from "./growing-object.ts";
import { OWN_SIGNATURE, sealThought } from "./sealed-thoughts.ts";
import { stopReasonOf } from "./stop-reason.ts";
import { toAnthropicUsage } from "./usage.ts";

/** An event of a message's stream, or a block of it. */
export type MessageEvent = JsonObject & { readonly type: string };

/** How a message that is written here is named. */
export interface MessageNames {
  /** Distinguishes this message, and its calls, from all others. */
  readonly suffix: string;
  readonly model: string;
}

/** Where a vendor's own stream stands: how many blocks began, and which one is open. */
export interface BlockState {
  readonly count: number;
  readonly open: { readonly index: number; readonly type: string } | undefined;
}

interface OpenBlock {
  readonly index: number;
  readonly type: string;
  /** Which of the parallel calls it is. */
  readonly call?: number;
}

/** What waits of calls that vendors write at once; beyond it blocks are closed early. Four times what 128K tokens come to. */
const MOST_WAITING_CHARS = 2 * 1024 * 1024;

/** What a vendor wants back is kept until the end: as much as is carried of Anthropic's own thoughts. */
const MOST_CARRIED_CHARS = 2 * 1024 * 1024;
/** What fields, or a piece that waits, take in memory beside what they say. */
const CHARS_OF_FIELDS = 100;

/**
 * Writes pieces of an answer as the events of one message. Blocks follow one another, as Anthropic's do: of calls that a
 * vendor writes at once, the later wait until the first is whole.
 */
export class MessageEvents {
  readonly #emit: (event: MessageEvent) => void;
  readonly #callBlocks = new Map<number, number>();
  #count = 0;
  #open: OpenBlock | undefined;
  #hasRefused = false;
  #message: JsonObject = {};
  #calls: JsonObject = {};
  #carriedChars = 0;
  readonly #callIds = new Map<number, string>();
  /** Arguments of the open call. */
  #arguments = new GrowingObject();
  /** Calls that have not begun, in order, with their pieces. */
  readonly #waiting = new Map<number, CallPiece[]>();
  #waitingChars = 0;

  /** @param suffix distinguishes the calls of this message from those of all others */
  constructor(
    emit: (event: MessageEvent) => void,
    readonly suffix: string,
  ) {
    this.#emit = emit;
  }

  /** What the vendor counts is known at the end only: until then nothing is claimed. */
  begin({ suffix, model }: MessageNames): void {
    const usage = {
      input_tokens: 0,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: 0,
    };
    const head = { id: `msg_${suffix}`, type: "message", role: "assistant", model, content: [] };
    this.#emit({
      type: "message_start",
      message: { ...head, stop_reason: null, stop_sequence: null, usage },
    });
    this.#emit({ type: "ping" });
  }

  /** Goes on with a message that a vendor began in its own words. */
  goOnFrom({ count, open }: BlockState): void {
    this.#count = count;
    this.#open = open;
  }

  write(piece: Piece): void {
    switch (piece.kind) {
      case "text":
      case "refusal":
        this.#hasRefused ||= piece.kind === "refusal";
        this.#say(TEXT, { type: "text_delta", text: piece.text });
        return;
      case "reasoning":
        this.#say(THINKING, { type: "thinking_delta", thinking: piece.text });
        return;
      case "call":
        this.#call(piece);
        return;
      case "carried":
        if (this.#mayCarry(piece.fields)) this.#message = { ...this.#message, ...piece.fields };
    }
  }

  /** Ends what is open, and tells what the vendor wants back. */
  closeBlocks(): void {
    this.#writeWaiting(true);
    this.#close();
    if (this.#carriedChars > MOST_CARRIED_CHARS) return;
    if (Object.keys(this.#message).length === 0 && Object.keys(this.#calls).length === 0) return;
    const data = sealThought({ message: this.#message, calls: this.#calls });
    this.#start({ type: "redacted_thinking", data });
    this.#close();
  }

  /** Everything of a good end but the last event. */
  finish({ finishReason, usage }: Final): void {
    this.closeBlocks();
    const stop_reason = this.#hasRefused ? "refusal" : stopReasonOf(finishReason);
    const delta = { stop_reason, stop_sequence: null };
    this.#emit({ type: "message_delta", delta, usage: toAnthropicUsage(usage) });
  }

  /** @param block what it is said in, as it begins */
  #say(block: MessageEvent, delta: JsonObject): void {
    if (this.#open?.type !== block.type) {
      this.#writeWaiting(true);
      this.#close();
      this.#start(block);
    }
    this.#delta(this.#open?.index ?? 0, delta);
  }

  #call(piece: CallPiece): void {
    const { call } = piece;
    const isNew = !this.#callBlocks.has(call);
    if (isNew && this.#open?.type === "tool_use" && !this.#arguments.isWhole) {
      this.#wait(piece);
      return;
    }
    this.#writeCall(piece);
    if (this.#open?.call === call && this.#waiting.size > 0 && this.#arguments.isWhole)
      this.#writeWaiting(false);
  }

  #wait(piece: CallPiece): void {
    const pieces = this.#waiting.get(piece.call) ?? [];
    this.#waiting.set(piece.call, pieces);
    pieces.push(piece);
    this.#waitingChars += sizeOf(piece);
    if (this.#waitingChars > MOST_WAITING_CHARS) this.#writeWaiting(true);
  }

  /** @param isLast nothing more comes of the calls that are not whole */
  #writeWaiting(isLast: boolean): void {
    for (const [call, pieces] of this.#waiting) {
      if (!isLast && !this.#arguments.isWhole) return;
      this.#waiting.delete(call);
      for (const piece of pieces) {
        this.#waitingChars -= sizeOf(piece);
        this.#writeCall(piece);
      }
    }
  }

  #writeCall({ call, id, name, arguments: json, fields }: CallPiece): void {
    let index = this.#callBlocks.get(call);
    if (index === undefined) {
      this.#close();
      index = this.#count;
      // A call that its vendor gave no id gets one: the result has to name it.
      const named = id ?? `toolu_${this.suffix}_${call}`;
      this.#callIds.set(call, named);
      this.#callBlocks.set(call, index);
      this.#arguments = new GrowingObject();
      this.#start({ type: "tool_use", id: named, name: name ?? "", input: {} }, call);
    }
    if (fields !== undefined && this.#mayCarry(fields)) {
      const named = this.#callIds.get(call) ?? "";
      this.#calls = { ...this.#calls, [named]: { ...(this.#calls[named] as object), ...fields } }; // written here
    }
    if (json === "") return;
    if (this.#open?.index === index) this.#arguments.add(json);
    this.#delta(index, { type: "input_json_delta", partial_json: json });
  }

  /** Fields that a vendor wants back, as long as there is room for all of them: half of them would be refused. */
  #mayCarry(fields: JsonObject): boolean {
    this.#carriedChars += CHARS_OF_FIELDS + JSON.stringify(fields).length;
    return this.#carriedChars <= MOST_CARRIED_CHARS;
  }

  #start(content_block: MessageEvent, call?: number): void {
    const index = this.#count;
    this.#count += 1;
    this.#open = { index, type: content_block.type, ...(call === undefined ? {} : { call }) };
    this.#emit({ type: "content_block_start", index, content_block });
  }

  #delta(index: number, delta: JsonObject): void {
    this.#emit({ type: "content_block_delta", index, delta });
  }

  #close(): void {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return;
    const { index } = open;
    if (open.type === "thinking") this.#delta(index, { type: "signature_delta", signature: OWN_SIGNATURE });
    this.#emit({ type: "content_block_stop", index });
  }
}

const TEXT: MessageEvent = { type: "text", text: "" };
const THINKING: MessageEvent = { type: "thinking", thinking: "", signature: "" };

const sizeOf = (piece: CallPiece): number => CHARS_OF_FIELDS + piece.arguments.length;
