import type { GenerationEvent, ToolCallDelta } from "../../core/generation.ts";
import { STREAM_ENTRY_CHARS } from "../../core/limits.ts";
import type { ChoiceFinish, Delta } from "./entry.ts";

type TextKind = "reasoning" | "text" | "refusal";

interface OpenPiece {
  readonly call: number;
  id?: string;
  name?: string;
  arguments: string;
}

interface OpenDelta {
  readonly choice: number;
  readonly opens: boolean;
  reasoning?: string;
  text?: string;
  refusal?: string;
  toolCalls?: OpenPiece[];
}

/** Kinds in the order in which one delta tells them. What comes out of this order begins a new delta. */
const RANK = { reasoning: 0, text: 1, refusal: 2, toolCall: 3 } as const;

/** What a tool call weighs besides its texts, so that a thousand empty ones do not make one delta. */
const PIECE_CHARS = 64;

/**
 * Folds the events of one network read into as few deltas as keep their order. A delta is bounded in size,
 * and always whole characters: some vendors cut an emoji's two halves apart, which UTF-8 cannot carry.
 */
export class DeltaFold {
  readonly finishes: ChoiceFinish[] = [];
  /** What was folded, in order; whoever takes a delta takes it out. */
  readonly deltas: Delta[] = [];
  readonly #opened: Set<number>;
  /** First halves of surrogate pairs that wait for their second, by choice and kind. */
  #halves: Map<string, string> | undefined;
  #delta: OpenDelta | undefined;
  #rank = 0;
  #chars = 0;

  /** @param opened choices that had content before */
  constructor(opened?: Iterable<number>) {
    this.#opened = new Set(opened);
  }

  fold(events: readonly GenerationEvent[]): void {
    for (const event of events) {
      switch (event.type) {
        case "text":
        case "reasoning":
        case "refusal":
          this.#addText(event.choice, event.type, event.text);
          break;
        case "toolCall":
          this.#addToolCall(event);
          break;
        case "finish":
          this.finishes.push({
            choice: event.choice,
            reason: event.reason,
            opens: !this.#opened.has(event.choice),
          });
          break;
        // The generation itself looks at these; its `Final` tells the sum of them.
        case "usage":
        case "failure":
        case "end":
          break;
        default:
          refuseUnknown(event);
      }
    }
    this.#close();
  }

  #addText(choice: number, kind: TextKind, text: string): void {
    let rest = this.#isWhole(text) ? text : this.#whole(`${choice}.${kind}`, text);
    while (rest !== "") {
      const delta = this.#deltaFor(choice, RANK[kind]);
      const piece = takePiece(rest, STREAM_ENTRY_CHARS - this.#chars);
      delta[kind] = (delta[kind] ?? "") + piece;
      rest = rest.slice(piece.length);
      this.#grow(piece.length);
    }
  }

  #addToolCall(event: ToolCallDelta): void {
    const { choice, call, id, name } = event;
    let rest = this.#isWhole(event.arguments)
      ? event.arguments
      : this.#whole(`${choice}.call.${call}`, event.arguments);
    if (id !== undefined || name !== undefined) {
      const piece: OpenPiece = { call, arguments: "" };
      if (id !== undefined) piece.id = id;
      if (name !== undefined) piece.name = name;
      this.#piecesOf(choice).push(piece);
      this.#grow(PIECE_CHARS + (id?.length ?? 0) + (name?.length ?? 0));
    }
    while (rest !== "") {
      const pieces = this.#piecesOf(choice);
      let piece = pieces.at(-1);
      if (piece?.call !== call) {
        piece = { call, arguments: "" };
        pieces.push(piece);
      }
      const text = takePiece(rest, STREAM_ENTRY_CHARS - this.#chars);
      piece.arguments += text;
      rest = rest.slice(text.length);
      this.#grow(text.length);
    }
  }

  #piecesOf(choice: number): OpenPiece[] {
    const delta = this.#deltaFor(choice, RANK.toolCall);
    delta.toolCalls ??= [];
    return delta.toolCalls;
  }

  #deltaFor(choice: number, rank: number): OpenDelta {
    if (this.#delta !== undefined && (this.#delta.choice !== choice || rank < this.#rank)) this.#close();
    this.#rank = rank;
    if (this.#delta === undefined) {
      const opens = !this.#opened.has(choice);
      if (opens) this.#opened.add(choice);
      this.#delta = { choice, opens };
    }
    return this.#delta;
  }

  #grow(chars: number): void {
    this.#chars += chars;
    // Two units of room: a pair must fit whole.
    if (this.#chars > STREAM_ENTRY_CHARS - 2) this.#close();
  }

  #close(): void {
    const delta = this.#delta;
    this.#delta = undefined;
    this.#rank = 0;
    this.#chars = 0;
    if (delta !== undefined) this.deltas.push(delta);
  }

  /** No half waits for anything, and the text has none. */
  #isWhole(text: string): boolean {
    return (this.#halves === undefined || this.#halves.size === 0) && text.isWellFormed();
  }

  /** The text with a waiting half before it and its own trailing half kept back. */
  #whole(key: string, text: string): string {
    const half = this.#halves?.get(key);
    if (half === undefined && text.isWellFormed()) return text;
    this.#halves?.delete(key);
    const joined = (half ?? "") + text;
    if (!endsWithFirstHalf(joined)) return joined.toWellFormed();
    this.#halves ??= new Map();
    this.#halves.set(key, joined.slice(-1));
    return joined.slice(0, -1).toWellFormed();
  }
}

function refuseUnknown(event: never): never {
  throw new Error(`an event of an unknown type: ${JSON.stringify(event)}`);
}

/** The longest beginning of at most `room` units that does not cut a character in two. */
function takePiece(text: string, room: number): string {
  if (text.length <= room) return text;
  const piece = text.slice(0, room);
  return endsWithFirstHalf(piece) ? piece.slice(0, -1) : piece;
}

function endsWithFirstHalf(text: string): boolean {
  const unit = text.charCodeAt(text.length - 1);
  return unit >= 0xd8_00 && unit <= 0xdb_ff;
}
